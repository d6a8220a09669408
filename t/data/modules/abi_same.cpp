// As this server has it.
#define MAJOR sluice::module::kAbiMajor
#define MINOR sluice::module::kAbiMinor
#define SIZE sizeof(sluice::module::Descriptor)
#define COMPILER SLUICE_CXX_ABI
#include "abi.h"
