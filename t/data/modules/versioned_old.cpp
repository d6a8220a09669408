// The version that is installed first.
#define VERSION 1
#include "versioned.h"
