// The `include` directive, which every block of every family knows.
#pragma once

#include "core/conf/directive.h"

namespace sluice::conf {

namespace parse {
Result<void> include(Parser& parser, const Directive& row, void* object, Arguments words);
}

inline constexpr Directive kInclude{
    .name = "include",
    .where = Contexts::all(),
    .arity = {1, 1},
    .initial = {},
    .help = "reads another file, or all files that match a pattern, in this place",
    .range = {},
    .inherit = Inherit::never,
    .may_repeat = true,
    .parse = parse::include,
    .syntax = "file | mask",
};

}  // namespace sluice::conf
