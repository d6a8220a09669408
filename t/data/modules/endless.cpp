// Never comes back from being loaded.
#include <unistd.h>

namespace {
__attribute__((constructor)) void wait() {
    for (;;) ::pause();
}
}  // namespace
