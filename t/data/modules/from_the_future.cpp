// Built for an ABI that does not exist yet.
#include <sluice/core/module/descriptor.h>

extern "C" __attribute__((visibility("default"))) const sluice::module::Export sluice_module = {
    sluice::module::kMagic, 4096, sluice::module::kAbiMajor + 1, 7, SLUICE_CXX_ABI, nullptr};
