// The version that is installed first.
#define VERSION "old"
#include "answering.h"
