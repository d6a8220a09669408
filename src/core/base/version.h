// The product's name and version, in the one place that says them.
#pragma once

#include "core/base/text.h"

namespace sluice {

constexpr Text kVersion = "0.1.0";
constexpr Text kProductName = "sluice";
constexpr Text kProduct = "sluice/0.1.0";

}  // namespace sluice
