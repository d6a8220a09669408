// Complex: splitting a text at its variables, and putting values together.
#include "core/script/complex_value.h"

#include <cstring>
#include <vector>

#include "core/conf/parser.h"

namespace sluice::script {

namespace {

constexpr bool is_name_char(char c) {
    return text::is_alpha(c) || text::is_digit(c) || c == '_';
}

struct Name {
    Text name;
    size_t end = 0;
};

/// The name behind the `$` at `at`.
Result<Name> read_name(Text source, size_t at) {
    size_t begin = at + 1;
    const bool is_braced = begin < source.size() && source[begin] == '{';
    if (is_braced) ++begin;
    size_t end = begin;
    while (end < source.size() && is_name_char(source[end])) ++end;
    const Text name = source.substr(begin, end - begin);
    if (is_braced && (end >= source.size() || source[end] != '}'))
        return Error("the closing bracket in \"" + std::string(name) + "\" variable is missing");
    if (name.empty()) return Error("invalid variable name");
    return Name{name, is_braced ? end + 1 : end};
}

}  // namespace

Result<Complex> Complex::compile(Arena& arena, VariableTable& table, Text source) {
    Complex made;
    made.source_ = source.data() != nullptr ? source : Text("");
    if (source.find('$') == Text::npos) return made;
    std::vector<Part> parts;
    size_t literal = 0;
    for (size_t at = 0; at < source.size();) {
        if (source[at] != '$') {
            ++at;
            continue;
        }
        if (at > literal) parts.push_back({Kind::literal, 0, source.substr(literal, at - literal)});
        const bool is_capture = at + 1 < source.size() && source[at + 1] >= '1' && source[at + 1] <= '9';
        if (is_capture) {
            parts.push_back({Kind::capture, static_cast<uint32_t>(source[at + 1] - '0'), {}});
            at += 2;
        } else {
            Result<Name> name = read_name(source, at);
            if (!name) return name.error();
            parts.push_back({Kind::variable, table.index(arena, name->name), {}});
            at = name->end;
        }
        literal = at;
    }
    if (literal < source.size()) parts.push_back({Kind::literal, 0, source.substr(literal)});
    const std::span<Part> kept = arena.make_array<Part>(parts.size());
    std::copy(parts.begin(), parts.end(), kept.begin());
    made.parts_ = kept;
    return made;
}

Text Complex::value_of(const Part& part, Subject& subject) {
    switch (part.kind) {
        case Kind::literal: return part.text;
        case Kind::variable: return subject.variable(part.number);
        case Kind::capture: return subject.capture(part.number);
    }
    return {};
}

Text Complex::evaluate_parts(Subject& subject) const {
    if (parts_.size() == 1) return value_of(parts_[0], subject);
    constexpr size_t kOnStack = 32;
    Text few[kOnStack];
    std::vector<Text> many;
    if (parts_.size() > kOnStack) many.resize(parts_.size());
    Text* values = many.empty() ? few : many.data();
    size_t length = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
        values[i] = value_of(parts_[i], subject);
        length += values[i].size();
    }
    char* const begin = subject.arena().make_bytes(length + 1).data();
    char* at = begin;
    for (size_t i = 0; i < parts_.size(); ++i) {
        if (values[i].empty()) continue;
        std::memcpy(at, values[i].data(), values[i].size());
        at += values[i].size();
    }
    return {begin, length};
}

}  // namespace sluice::script

namespace sluice::conf {

Result<void> Value<script::Complex>::parse(Parser& parser, const Directive&, Arguments words, script::Complex& out) {
    Result<script::Complex> compiled =
        script::Complex::compile(parser.arena(), *parser.scope().variables, words[0].text);
    if (!compiled) {
        parser.point_at(words[0]);
        return compiled.error();
    }
    out = *compiled;
    return {};
}

}  // namespace sluice::conf
