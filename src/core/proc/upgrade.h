// Executing a new binary on the sockets of this one.
#pragma once

#include <sys/types.h>

#include "core/log/log.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/settings.h"

namespace sluice::proc {

/// Starts the program anew with its own arguments, the environment that `env` keeps, and the listening sockets in the
/// variable NGINX. Returns the child's number, or -1 after an `[alert]`.
pid_t start_new_binary(const ListeningSockets& sockets, const Settings& settings, const Log& log);

}  // namespace sluice::proc
