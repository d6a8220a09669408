// Complex: splitting a text at its variables, and putting values together.
#include "core/script/complex_value.h"

#include <algorithm>
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
    const bool is_closed = end < source.size() && source[end] == '}';
    if (is_braced && !is_closed && begin < source.size())
        return Error(std::string("the closing bracket in \"").append(name).append("\" variable is missing"));
    if (name.empty()) return Error("invalid variable name");
    return Name{name, is_braced ? end + 1 : end};
}

/// As a Text, but without a constructor: an array of them on the stack costs nothing.
struct Piece {
    const char* data;
    size_t size;
};

}  // namespace

Result<Complex> Complex::compile(Arena& arena, VariableTable& table, Text source, const conf::Position& at) {
    Complex made;
    made.source_ = source.data() != nullptr ? source : Text("");
    if (source.find('$') == Text::npos) return made;
    std::vector<Part> parts;
    size_t literal = 0;
    for (size_t dollar = source.find('$'); dollar != Text::npos; dollar = source.find('$', literal)) {
        if (dollar > literal) parts.push_back({Kind::literal, 0, source.substr(literal, dollar - literal)});
        const bool is_capture = dollar + 1 < source.size() && source[dollar + 1] >= '1' && source[dollar + 1] <= '9';
        if (is_capture) {
            parts.push_back({Kind::capture, static_cast<uint32_t>(source[dollar + 1] - '0'), {}});
            literal = dollar + 2;
            continue;
        }
        Result<Name> name = read_name(source, dollar);
        if (!name) return name.error();
        parts.push_back({Kind::variable, table.index(arena, name->name, at), {}});
        literal = name->end;
    }
    if (literal < source.size()) parts.push_back({Kind::literal, 0, source.substr(literal)});
    const std::span<Part> kept = arena.make_array<Part>(parts.size());
    std::copy(parts.begin(), parts.end(), kept.begin());
    made.parts_ = kept;
    return made;
}

Text Complex::Part::value(Subject& subject) const {
    switch (kind) {
        case Kind::literal: return text;
        case Kind::variable: return subject.variable(number);
        case Kind::capture: return subject.capture(number);
    }
    return {};
}

Text Complex::evaluate_parts(Subject& subject) const {
    if (parts_.size() == 1) return parts_[0].value(subject);
    constexpr size_t kOnStack = 32;
    Piece few[kOnStack];
    Piece* pieces = few;
    if (parts_.size() > kOnStack) pieces = subject.arena().make_array<Piece>(parts_.size()).data();
    size_t length = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
        const Text value = parts_[i].value(subject);
        pieces[i] = {value.data(), value.size()};
        length += value.size();
    }
    if (length == 0) return Text("");
    char* const begin = subject.arena().make_bytes(length).data();
    char* at = begin;
    for (size_t i = 0; i < parts_.size(); ++i) {
        if (pieces[i].size == 0) continue;
        std::memcpy(at, pieces[i].data, pieces[i].size);
        at += pieces[i].size;
    }
    return {begin, length};
}

Bytes ComplexBytes::evaluate_text(Subject& subject) const {
    const Text text = text_.evaluate(subject);
    if (text.empty()) return {};
    const std::optional<Bytes> size = conf::parse::to_bytes(text);
    if (!size) subject.log().error(0, "invalid size \"", text, "\"");
    return size.value_or(Bytes{});
}

void Predicates::append(Arena& arena, const Complex& condition) {
    const std::span<Complex> grown = arena.make_array<Complex>(conditions_.size() + 1);
    std::copy(conditions_.begin(), conditions_.end(), grown.begin());
    grown.back() = condition;
    conditions_ = grown;
}

bool Predicates::any(Subject& subject) const {
    return std::any_of(conditions_.begin(), conditions_.end(),
                       [&](const Complex& condition) { return is_true(condition.evaluate(subject)); });
}

Result<Complex> Complex::compile(conf::Parser& parser, const conf::Token& word, Text text) {
    VariableTable* table = parser.scope().variables;
    if (table == nullptr && text.find('$') == Text::npos) return Complex(text);
    Result<Complex> compiled = table != nullptr ? compile(parser.arena(), *table, text, word.at)
                                                : Result<Complex>(Error("variables can't be used here"));
    if (!compiled) parser.point_at(word);
    return compiled;
}

}  // namespace sluice::script

namespace sluice::conf {

Result<void> Value<script::Complex>::parse(Parser& parser, const Directive&, Arguments words, script::Complex& out) {
    Result<script::Complex> compiled = script::Complex::compile(parser, words[0]);
    if (!compiled) return compiled.error();
    out = *compiled;
    return {};
}

Result<void> Value<script::ComplexBytes>::parse(Parser& parser, const Directive& row, Arguments words,
                                                script::ComplexBytes& out) {
    script::Complex text;
    if (Result<void> parsed = Value<script::Complex>::parse(parser, row, words, text); !parsed) return parsed;
    if (!text.is_constant()) {
        out = script::ComplexBytes(text);
        return {};
    }
    Bytes size;
    if (Result<void> parsed = parse::bytes(parser, row, words[0], size); !parsed) return parsed;
    out = script::ComplexBytes(size);
    return {};
}

Result<void> Value<script::Predicates>::parse(Parser& parser, const Directive& row, Arguments words,
                                              script::Predicates& out) {
    for (const Token& word : words) {
        script::Complex condition;
        Result<void> parsed = Value<script::Complex>::parse(parser, row, {&word, 1}, condition);
        if (!parsed) return parsed;
        out.append(parser.arena(), condition);
    }
    return {};
}

}  // namespace sluice::conf
