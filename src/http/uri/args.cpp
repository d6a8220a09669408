// Splitting and searching of arguments.
#include "http/uri/args.h"

namespace sluice::http::uri {

std::optional<Arg> next_arg(Text& rest) {
    if (rest.empty()) return std::nullopt;
    const Text whole = text::split_off(rest, '&');
    const size_t equals = whole.find('=');
    if (equals == Text::npos) return Arg{.name = whole, .value = {}};
    return Arg{.name = whole.substr(0, equals), .value = whole.substr(equals + 1), .has_value = true};
}

std::optional<Text> find_arg(Text args, Text name) {
    while (const auto arg = next_arg(args)) {
        if (arg->has_value && text::iequals(arg->name, name)) return arg->value;
    }
    return std::nullopt;
}

}  // namespace sluice::http::uri
