// The variables of http_core.
#pragma once

#include "http/variable.h"

namespace sluice::http {

constexpr size_t kCoreVariableCount = 75;
extern const Variable kCoreVariables[kCoreVariableCount];

}  // namespace sluice::http
