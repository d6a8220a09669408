// Probe: whether this process would survive loading a module. The dynamic linker and a module's first code believe
// what is in the file, so a corrupt one would take a running master with it; a child of ours goes first.
#pragma once

#include <string>

#include "core/base/result.h"

namespace sluice::module {

/// Something that may end the process that calls it; false: it came back, but the module is of no use.
class Trial {
 public:
    virtual bool run() = 0;

 protected:
    ~Trial() = default;
};

/// Runs the trial in a child, which has no descriptor but `keep`, and some seconds for it.
/// The error is one sentence that names the file.
Result<void> probe(const std::string& path, int keep, Trial& trial);

}  // namespace sluice::module
