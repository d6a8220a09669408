// The composition root: the only file that may see everything.
#include <cstdio>
#include <cstring>

#include "core/base/version.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "-v") == 0)
        std::fprintf(stderr, "nginx version: %s\n", sluice::kProduct.data());
    return 0;
}
