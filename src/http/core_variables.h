// The variables of http_core.
#pragma once

#include "http/variable.h"

namespace sluice::http {

constexpr size_t kCoreVariableCount = 75;
extern const Variable kCoreVariables[kCoreVariableCount];

/// $hostname: of the machine, asked once per process.
Text host_name();

}  // namespace sluice::http
