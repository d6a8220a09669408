// Of a server before this one.
#define MAJOR sluice::module::kAbiMajor - 1
#define MINOR 9
#define SIZE sizeof(sluice::module::Descriptor)
#define COMPILER SLUICE_CXX_ABI
#include "abi.h"
