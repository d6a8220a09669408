// The child's side of a fork: becomes the user of the settings, with their limits, CPUs, environment and folder, and
// runs a body.
#pragma once

#include "core/proc/generation.h"
#include "core/proc/worker.h"

namespace sluice::proc {

/// Exit code of a process that a new start would not mend; the master does not replace it.
constexpr int kFatal = 2;
/// Of one that could not be set up but may be mended by a new start.
constexpr int kFailed = 1;

/// The exit code of a process whose setting up failed with this errno: kFailed where the machine was short of
/// something that others use as well and may give back.
int exit_code_after(int number);

/// Runs the body of `helper`, or of a worker where it is null, and leaves the process with its code.
[[noreturn]] void run_child(Generation& generation, const HelperProcess* helper, const Worker::Origin& origin);

}  // namespace sluice::proc
