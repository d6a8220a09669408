// Rehearsal: where memory is limited, a new configuration is read in a child process first. What can't have the
// memory it needs ends, and it shall be that child, not the process that has a configuration which works.
#pragma once

#include "core/log/log.h"
#include "core/proc/generation.h"

namespace sluice::proc {

/// Whether `loader` may load a configuration beside `running`. False: it would not fit, or ended the child in another
/// way, and `log` has been told so. Costs nothing where neither RLIMIT_AS, RLIMIT_DATA nor the system's accounting
/// (vm.overcommit_memory=2) limits memory; else as long as the reading takes. Errors in the configuration are true:
/// the loading finds them again, and says so.
bool fits_in_memory(Loader& loader, Generation& running, const Log& log);

}  // namespace sluice::proc
