// The arguments of a request: `a=1&b=2`. Nothing is decoded, as in nginx's $arg_name.
#pragma once

#include <optional>

#include "core/base/text.h"

namespace sluice::http::uri {

struct Arg {
    Text name;
    Text value;              ///< behind the first `=`; empty without one
    bool has_value = false;  ///< there was a `=`
};

/// Takes the next argument off `rest`; nothing when `rest` is empty. An empty one (`a&&b`) has an empty name.
std::optional<Arg> next_arg(Text& rest);

/// The value of the first argument of that name, in any case, that has a `=` ($arg_name).
std::optional<Text> find_arg(Text args, Text name);

}  // namespace sluice::http::uri
