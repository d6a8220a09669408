// The environment of workers and of a new binary: TZ and what `env` names, nothing else.
#pragma once

#include <string>
#include <vector>

#include "core/proc/settings.h"

namespace sluice::proc {

/// "NAME=value" for every variable that is kept and set.
std::vector<std::string> kept_environment(const Settings& settings);
/// Makes it this process's environment.
void apply_environment(const Settings& settings);

}  // namespace sluice::proc
