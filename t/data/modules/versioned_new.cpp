// The version that replaces it.
#define VERSION 2
#include "versioned.h"
