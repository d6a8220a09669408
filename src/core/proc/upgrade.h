// Executing a new binary on the sockets and in the shared memory of this one.
#pragma once

#include <sys/types.h>

#include "core/proc/generation.h"
#include "core/proc/listening_sockets.h"

namespace sluice::proc {

/// Starts the program anew with its own arguments, the environment that `env` keeps, the listening sockets in the
/// variable NGINX and the generation's zones in SLUICE_ZONES. Returns the child's number, or -1 after an `[alert]`.
pid_t start_new_binary(const ListeningSockets& sockets, Generation& generation);

/// Closes what only start_new_binary() needs: in a process that never calls it.
void drop_zone_descriptors(Generation& generation);

}  // namespace sluice::proc
