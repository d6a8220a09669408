// What every text begins with that a pattern matches: "^/api/v\d+" gives "/api/v". A location with such a regex need
// not be tried for other URIs.
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::script {

/// The prefix, unescaped, in `arena`; empty when the pattern is not anchored by `^` or could match without it. Errs
/// on the side of less. `pattern` is one that PCRE2 compiles without options other than caseless.
Text literal_prefix(Arena& arena, Text pattern);

}  // namespace sluice::script
