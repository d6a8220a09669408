// Of an older minor version, whose descriptor was shorter.
#define MAJOR sluice::module::kAbiMajor
#define MINOR 0
#define SIZE offsetof(sluice::module::Descriptor, specific_size)
#define COMPILER SLUICE_CXX_ABI
#include "abi.h"
