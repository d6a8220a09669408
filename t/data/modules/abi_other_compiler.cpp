// Of a compiler that lays things out in another way.
#define MAJOR sluice::module::kAbiMajor
#define MINOR sluice::module::kAbiMinor
#define SIZE sizeof(sluice::module::Descriptor)
#define COMPILER "gnu-1002-4"
#include "abi.h"
