// Says that it is of this version and has more than its descriptor.
#define MAJOR sluice::module::kAbiMajor
#define MINOR sluice::module::kAbiMinor
#define SIZE sizeof(sluice::module::Descriptor) + 8
#define COMPILER SLUICE_CXX_ABI
#include "abi.h"
