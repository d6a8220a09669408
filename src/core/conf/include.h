// The `include` directive, which every block of every family knows.
#pragma once

#include "core/conf/directive.h"

namespace sluice::conf {

extern const Directive kInclude;

}  // namespace sluice::conf
