// Built for a later server, whose functions it needs.
#include <sluice/core/module/descriptor.h>

namespace sluice {
void come_from_the_future();
}

extern "C" __attribute__((visibility("default")))
const sluice::module::Export sluice_module = {sluice::module::kMagic,
                                              sizeof(sluice::module::Descriptor),
                                              sluice::module::kAbiMajor,
                                              sluice::module::kAbiMinor + 9,
                                              SLUICE_CXX_ABI,
                                              nullptr};
extern "C" __attribute__((visibility("default"))) void (*sluice_test_need)();
void (*sluice_test_need)() = sluice::come_from_the_future;
