// Warnings about what this system has no use for.
#include "core/conf/unsupported.h"

#include "core/conf/parser.h"

namespace sluice::conf {

Result<void> unsupported_size(Parser& parser, Setting<Bytes>& field, Arguments words) {
    Directive row{};
    row.name = parser.directive().text;
    Bytes size;
    if (Result<void> parsed = parse::bytes(parser, row, words[0], size); !parsed) return parsed;
    field.set(size);
    const bool is_default = parser.directive().at.line == 0;
    if (!is_default) parser.warn(parser.arena().concat("\"", row.name, "\" is not supported, ignored"));
    return {};
}

}  // namespace sluice::conf
