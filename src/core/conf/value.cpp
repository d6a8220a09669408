// The parsers behind the types, with nginx's wording.
#include "core/conf/value.h"

#include <algorithm>

#include "core/conf/directive.h"
#include "core/conf/parser.h"

namespace sluice::conf {

namespace parse {

namespace {

Error invalid(Parser& parser, const Directive& row, const Token& word, Text what) {
    parser.point_at(word);
    return Error(parser.arena().concat("\"", row.name, "\" directive ", what));
}

Result<void> check_range(Parser& parser, const Directive& row, const Token& word, int64_t value) {
    const Range& range = row.range;
    if ((range.least == 0 && range.most == 0) || (value >= range.least && value <= range.most)) return {};
    parser.point_at(word);
    if (range.most == INT64_MAX) {
        return Error("value must be equal to or greater than " + std::to_string(range.least));
    }
    return Error("value must be between " + std::to_string(range.least) + " and " + std::to_string(range.most));
}

template <class Unit>
Result<void> store(Parser& parser, const Directive& row, const Token& word, std::optional<Unit> parsed, Unit& out) {
    if (!parsed) return invalid(parser, row, word, "invalid value");
    Result<void> checked = check_range(parser, row, word, parsed->count);
    if (checked) out = *parsed;
    return checked;
}

}  // namespace

Arena& arena_of(Parser& parser) {
    return parser.arena();
}

Result<void> flag(Parser& parser, const Directive& row, const Token& word, bool& out) {
    const bool is_on = text::iequals(word.text, "on");
    if (!is_on && !text::iequals(word.text, "off")) {
        parser.point_at(word);
        return Error(parser.arena().concat("invalid value \"", word.text, "\" in \"", row.name,
                                           "\" directive, it must be \"on\" or \"off\""));
    }
    out = is_on;
    return {};
}

Result<void> number(Parser& parser, const Directive& row, const Token& word, int64_t most, int64_t& out) {
    const std::optional<int64_t> parsed = text::parse_int(word.text);
    const bool is_signed = row.range.least < 0;
    const bool is_too_much = parsed && *parsed > most && most < INT32_MAX;
    if (!parsed || is_too_much || (!is_signed && word.text.starts_with('-'))) {
        return invalid(parser, row, word, "invalid number");
    }
    Result<void> checked = check_range(parser, row, word, *parsed);
    // nginx counts in 64 bits everywhere: where 32 will do for us, more than the most is as good as the most.
    if (checked) out = std::min(*parsed, most);
    return checked;
}

Result<void> milliseconds(Parser& parser, const Directive& row, const Token& word, Msec& out) {
    return store(parser, row, word, to_milliseconds(word.text), out);
}

Result<void> seconds(Parser& parser, const Directive& row, const Token& word, Seconds& out) {
    return store(parser, row, word, to_seconds(word.text), out);
}

Result<void> bytes(Parser& parser, const Directive& row, const Token& word, Bytes& out) {
    return store(parser, row, word, to_bytes(word.text), out);
}

Result<void> offset(Parser& parser, const Directive& row, const Token& word, Bytes& out) {
    return store(parser, row, word, to_bytes(word.text, true), out);
}

namespace {

Text nearest(Text word, std::span<const Text> names) {
    Text near;
    size_t distance = word.size() > 4 ? 3 : 2;
    for (Text name : names) {
        const size_t found = text::edit_distance(word, name, distance);
        if (found >= distance) continue;
        distance = found;
        near = name;
    }
    return near;
}

/// "it can be "a", "b" or "c"", as long as that can be read at a glance.
void suggest_names(Parser& parser, Text word, std::span<const Text> names) {
    constexpr size_t kMostListed = 12;
    const Text near = nearest(word, names);
    if (!near.empty()) {
        parser.suggest(parser.arena().concat("did you mean \"", near, "\"?"));
        return;
    }
    if (names.empty() || names.size() > kMostListed) return;
    std::string list = "it can be ";
    for (size_t i = 0; i < names.size(); ++i) {
        if (i != 0) list += i + 1 == names.size() ? " or " : ", ";
        list.append("\"").append(names[i]).append("\"");
    }
    parser.suggest(parser.arena().copy(list));
}

}  // namespace

Result<size_t> one_of(Parser& parser, const Directive&, const Token& word, std::span<const Text> names) {
    for (size_t i = 0; i < names.size(); ++i) {
        if (text::iequals(word.text, names[i])) return i;
    }
    parser.point_at(word);
    suggest_names(parser, word.text, names);
    return Error(parser.arena().concat("invalid value \"", word.text, "\""));
}

Result<void> flags(Parser& parser, const Directive& row, Arguments words, std::span<const Text> names,
                   uint64_t& out) {
    uint64_t bits = out;
    for (const Token& word : words) {
        Result<size_t> index = one_of(parser, row, word, names);
        if (!index) return index.error();
        const uint64_t bit = uint64_t{1} << *index;
        if ((bits & bit) != 0) parser.warn(parser.arena().concat("duplicate value \"", word.text, "\""));
        bits |= bit;
    }
    out = bits;
    return {};
}

}  // namespace parse

Result<void> Value<BufferCount>::parse(Parser& parser, const Directive& row, Arguments words, BufferCount& out) {
    const std::optional<uint64_t> number = text::parse_uint(words[0].text);
    const std::optional<Bytes> size = parse::to_bytes(words[1].text, false);
    const bool is_number_good = number && *number != 0 && *number <= UINT32_MAX;
    if (!is_number_good || !size || size->count == 0) {
        parser.point_at(words[is_number_good ? 1 : 0]);
        return Error(parser.arena().concat("\"", row.name, "\" directive invalid value"));
    }
    out = {static_cast<uint32_t>(*number), *size};
    return {};
}

}  // namespace sluice::conf
