// Another file, but the name of the versioned module.
#define VERSION 3
#include "versioned.h"
