// The version that replaces it.
#define VERSION "new"
#include "answering.h"
