// Complex: a configured text that may hold variables and captures: "http://$host/$1". Compiled once; a constant costs
// nothing.
#pragma once

#include <span>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/conf/value.h"
#include "core/script/subject.h"
#include "core/script/variable.h"

namespace sluice::script {

class Complex {
 public:
    enum class Kind : uint8_t { literal, variable, capture };
    struct Part {
        Kind kind = Kind::literal;
        uint32_t number = 0;  ///< variable's index or capture's group
        Text text;            ///< of a literal

        /// The part's value for a subject; null Text when it was not found.
        Text value(Subject& subject) const;
    };

    Complex() = default;
    /// A constant.
    explicit Complex(Text constant) : source_(constant) {}

    /// Errors in nginx's words: `invalid variable name`, `the closing bracket in "x" variable is missing`. Unknown
    /// names show when the table is bound; `at` tells then where they stand. `source` lives as long as `arena`.
    static Result<Complex> compile(Arena& arena, VariableTable& table, Text source, const conf::Position& at = {});
    /// As above for (a part of) a word of the directive being read, to which the caret of an error points. Defaults
    /// are read where no variables are at hand: they must be constants.
    static Result<Complex> compile(conf::Parser& parser, const conf::Token& word, Text text);
    static Result<Complex> compile(conf::Parser& parser, const conf::Token& word) {
        return compile(parser, word, word.text);
    }

    bool is_constant() const { return parts_.empty(); }
    /// As written; of a constant, the value.
    Text source() const { return source_; }
    /// The parts in order, for those who put them together in their own way (log formats, rewrites); none for a
    /// constant.
    std::span<const Part> parts() const { return parts_; }
    /// The value for a subject; lives as long as the subject's arena. A single variable that is not found gives null
    /// Text; inside a longer text it is empty.
    Text evaluate(Subject& subject) const { return is_constant() ? source_ : evaluate_parts(subject); }

 private:
    Text evaluate_parts(Subject& subject) const;

    Text source_;
    std::span<const Part> parts_;
};

/// A size that may hold variables: "64k", "$rate". A constant is read once.
class ComplexBytes {
 public:
    ComplexBytes() = default;
    explicit ComplexBytes(Bytes constant) : constant_(constant) {}
    explicit ComplexBytes(const Complex& text) : text_(text) {}

    /// 0 for an empty text, and for one that is no size, which is logged.
    Bytes evaluate(Subject& subject) const { return text_.is_constant() ? constant_ : evaluate_text(subject); }
    /// Constant, and nothing.
    bool is_zero() const { return text_.is_constant() && constant_.count == 0; }

 private:
    Bytes evaluate_text(Subject& subject) const;

    Bytes constant_;
    Complex text_;
};

/// A condition's value as nginx reads it in `proxy_no_cache`, `access_log if=`, …: "" and "0" are false, all else is
/// true.
constexpr bool is_true(Text value) {
    return !value.empty() && value != "0";
}

/// The conditions of a directive such as `proxy_no_cache $cookie_nocache $arg_nocache;`, which may be repeated.
class Predicates {
 public:
    void append(Arena& arena, const Complex& condition);
    bool empty() const { return conditions_.empty(); }
    size_t size() const { return conditions_.size(); }
    /// Whether one of them is true; those behind it are not evaluated.
    bool any(Subject& subject) const;

 private:
    std::span<const Complex> conditions_;
};

}  // namespace sluice::script

namespace sluice::conf {

template <>
struct Value<script::Complex> : OneWord {
    static constexpr Text kSyntax = "text";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, script::Complex& out);
};

template <>
struct Value<script::ComplexBytes> : OneWord {
    static constexpr Text kSyntax = "size";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, script::ComplexBytes& out);
};

template <>
struct Value<script::Predicates> {
    static constexpr Text kSyntax = "text ...";
    static constexpr uint8_t kLeastWords = 1;
    static constexpr uint8_t kMostWords = UINT8_MAX;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, script::Predicates& out);
};

}  // namespace sluice::conf
