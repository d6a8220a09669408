// Directives that nginx has a use for on other systems only: checked as there, and answered with a warning.
//   send_lowat 1k;
#pragma once

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/conf/setting.h"
#include "core/conf/token.h"

namespace sluice::conf {

class Parser;

/// For custom(): `"send_lowat" is not supported, ignored`, unless it is the default that is being read.
Result<void> unsupported_size(Parser& parser, Setting<Bytes>& field, Arguments words);

}  // namespace sluice::conf
