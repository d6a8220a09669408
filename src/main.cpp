// The composition root: the only file that may see everything.
#include <cstdio>
#include <cstring>

#include "config.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "-v") == 0) std::fputs("nginx version: sluice/" SLUICE_VERSION "\n", stderr);
    return 0;
}
