// The composition root: the only file that may see everything.
#include <cstdio>
#include <cstring>

#include "config.h"
#include "core/base/version.h"

int main(int argc, char** argv) {
    const char* const option = argc == 2 ? argv[1] : "";
    const bool wants_build = std::strcmp(option, "-V") == 0;
    if (wants_build || std::strcmp(option, "-v") == 0) {
        std::fprintf(stderr, "nginx version: %s\n", sluice::kProduct.data());
        if (wants_build)
            std::fprintf(stderr, "built by %s\nconfigure arguments: %s\n", SLUICE_COMPILER, SLUICE_CONFIGURE_ARGS);
        return 0;
    }
    // Succeeding without doing what was asked would let a script believe that a server runs.
    std::fputs("sluice: this version answers -v and -V only; it can't serve requests yet\n", stderr);
    return 1;
}
