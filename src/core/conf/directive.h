// Directive: one typed row declares name, contexts, arity, parser, default, bounds and inheritance of a directive.
//   directive<&LocationConf::delay>("tarpit_delay", {.where = http::anywhere, .initial = "1s"})
//   custom<&LocationConf::target, parse_pass>("proxy_pass", {.where = …, .arity = {1, 1}, .inherit = Inherit::never})
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "core/conf/conf_type.h"
#include "core/conf/context.h"
#include "core/conf/setting.h"
#include "core/conf/token.h"
#include "core/conf/value.h"

namespace sluice::conf {

/// How many words may follow the name.
struct Arity {
    static constexpr uint8_t kMany = UINT8_MAX;
    uint8_t least = 0;
    uint8_t most = 0;
};

/// Inclusive bounds of a number; both 0 means unbounded.
struct Range {
    int64_t least = 0;
    int64_t most = 0;
};

enum class Inherit : uint8_t {
    always,   ///< inner blocks take the value over
    unnamed,  ///< only `if` and `limit_except` blocks do (handlers such as proxy_pass)
    never,
};

enum class Shape : uint8_t {
    simple,  ///< ends with ";"
    block,   ///< opens a block, which `parse` reads
};

struct Directive;
using ParseFunction = Result<void> (*)(Parser&, const Directive&, void* object, Arguments);

struct Directive {
    Text name;
    Contexts where;
    Arity arity;
    Text initial;  ///< the manual's default, parsed like user input (`""` for an empty word); empty: none
    Text help;     ///< one line for --help-directive, the man page and docs/directives.md
    Range range;
    Inherit inherit = Inherit::always;
    Shape shape = Shape::simple;
    bool may_repeat = false;  ///< otherwise a second one in the same block is a duplicate
    Slot* (*slot)() = nullptr;
    ParseFunction parse = nullptr;
    void (*take_over)(void* inner, const void* outer) = nullptr;
    Origin* (*origin)(void* object) = nullptr;
    Text syntax = {};  ///< what stands behind the name, for people: "number", "on | off"; empty: see `arity`
};

/// The part of a row that its author writes.
struct Options {
    Contexts where;
    Text initial = {};
    Text help = {};
    Range range = {};
    Arity arity = {};  ///< only where the field's type does not say it
    Inherit inherit = Inherit::always;
    bool may_repeat = false;
    Text syntax = {};  ///< only where the field's type does not say it: "file [level]"
};

namespace detail {

template <auto Field>
struct Member;
template <class OwnerType, class T, Setting<T> OwnerType::*Field>
struct Member<Field> {
    using Owner = OwnerType;
    using Value = T;
};

/// The field in an object of type Owner, which may derive from the class that has the field.
template <auto Field, class Owner>
auto& field_of(void* object) {
    return static_cast<Owner*>(object)->*Field;
}
template <auto Field, class Owner>
const auto& field_of(const void* object) {
    return static_cast<const Owner*>(object)->*Field;
}

template <auto Field, class Owner>
constexpr Directive row(Text name, const Options& options, ParseFunction parse) {
    return {
        .name = name,
        .where = options.where,
        .arity = options.arity,
        .initial = options.initial,
        .help = options.help,
        .range = options.range,
        .inherit = options.inherit,
        .shape = Shape::simple,
        .may_repeat = options.may_repeat,
        .slot = [] { return &slot_of<Owner>(); },
        .parse = parse,
        .take_over = [](void* inner,
                        const void* outer) { field_of<Field, Owner>(inner).inherit(field_of<Field, Owner>(outer)); },
        .origin = [](void* object) { return &field_of<Field, Owner>(object).origin; },
        .syntax = options.syntax,
    };
}

}  // namespace detail

/// A row whose field's type (Value<T> in value.h) gives arity and parser. `Owner` is the struct that conf_type knows,
/// to be named where the field comes from a base of it.
template <auto Field, class Owner = typename detail::Member<Field>::Owner>
constexpr Directive directive(Text name, const Options& options) {
    using T = typename detail::Member<Field>::Value;
    Directive made = detail::row<Field, Owner>(
        name, options, [](Parser& parser, const Directive& row, void* object, Arguments words) -> Result<void> {
            auto& setting = detail::field_of<Field, Owner>(object);
            Result<void> parsed = Value<T>::parse(parser, row, words, setting.value);
            if (parsed) setting.origin = Origin::here;
            return parsed;
        });
    if (made.arity.most == 0) made.arity = {Value<T>::kLeastWords, Value<T>::kMostWords};
    made.may_repeat = made.may_repeat || Value<T>::kMayRepeat;
    if constexpr (requires { Text(Value<T>::kSyntax); }) {
        if (made.syntax.empty()) made.syntax = Value<T>::kSyntax;
    }
    return made;
}

/// A row with its own parser, `Result<void> Parse(Parser&, Setting<T>& field, Arguments)`. The field tells duplicates
/// and is what inner blocks inherit; the parser must `set` it.
template <auto Field, auto Parse, class Owner = typename detail::Member<Field>::Owner>
constexpr Directive custom(Text name, const Options& options) {
    return detail::row<Field, Owner>(
        name, options, [](Parser& parser, const Directive&, void* object, Arguments words) -> Result<void> {
            return Parse(parser, detail::field_of<Field, Owner>(object), words);
        });
}

/// A row whose parser needs the whole struct: `Result<void> Parse(Parser&, Owner&, Arguments)`. It may repeat and
/// inherits nothing by itself; its `initial` is for the manual only.
template <class Owner, auto Parse>
constexpr Directive action(Text name, const Options& options) {
    return {
        .name = name,
        .where = options.where,
        .arity = options.arity,
        .initial = options.initial,
        .help = options.help,
        .range = options.range,
        .inherit = Inherit::never,
        .shape = Shape::simple,
        .may_repeat = true,
        .slot = [] { return &slot_of<Owner>(); },
        .parse = [](Parser& parser, const Directive&, void* object, Arguments words) -> Result<void> {
            return Parse(parser, *static_cast<Owner*>(object), words);
        },
        .take_over = nullptr,
        .origin = nullptr,
        .syntax = options.syntax,
    };
}

/// As action(), for a directive that opens a block; Parse reads the block with Parser::parse_block or parse_entries.
template <class Owner, auto Parse>
constexpr Directive block(Text name, const Options& options) {
    Directive made = action<Owner, Parse>(name, options);
    made.shape = Shape::block;
    return made;
}

/// A field without a directive of its own that inner blocks inherit all the same.
template <auto Field, class Owner = typename detail::Member<Field>::Owner>
constexpr Directive inherited(Inherit inherit = Inherit::always) {
    return detail::row<Field, Owner>({}, {.where = {}, .inherit = inherit}, nullptr);
}

}  // namespace sluice::conf
