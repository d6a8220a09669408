// The child's side of a fork: becomes the user of the settings, with their limits, CPUs, environment and folder, and
// runs a body.
#pragma once

#include "core/proc/generation.h"
#include "core/proc/worker.h"

namespace sluice::proc {

/// Exit code of a process that a new start would not mend; the master does not replace it.
constexpr int kFatal = 2;

/// Runs the body of `helper`, or of a worker where it is null, and leaves the process with its code.
[[noreturn]] void run_child(Generation& generation, const HelperProcess* helper, const Worker::Origin& origin);

}  // namespace sluice::proc
