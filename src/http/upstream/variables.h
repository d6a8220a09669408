// The $upstream_* variables.
#pragma once

#include "http/variable.h"

namespace sluice::http::upstream {

constexpr size_t kVariableCount = 12;
extern const Variable kVariables[kVariableCount];

}  // namespace sluice::http::upstream
