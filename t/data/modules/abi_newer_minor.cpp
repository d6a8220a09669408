// Needs nothing that this server lacks, and could.
#define MAJOR sluice::module::kAbiMajor
#define MINOR sluice::module::kAbiMinor + 1
#define SIZE sizeof(sluice::module::Descriptor)
#define COMPILER SLUICE_CXX_ABI
#include "abi.h"
