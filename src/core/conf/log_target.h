// The row of `error_log`, in whatever context it stands.
#pragma once

#include "core/base/result.h"
#include "core/conf/token.h"
#include "core/log/error_log.h"

namespace sluice::conf {

class Parser;

/// Adds the target that `words` describe to the context's log; the caret of an error stands under the word at fault.
Result<void> add_log_target(Parser& parser, log::ErrorLog& log, Arguments words);

}  // namespace sluice::conf
