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
    Complex() = default;
    /// A constant.
    explicit Complex(Text constant) : source_(constant) {}

    /// `invalid variable name in "…"` and the like for bad syntax. Unknown names show when the table is bound.
    static Result<Complex> compile(Arena& arena, VariableTable& table, Text source);

    bool is_constant() const { return parts_.empty(); }
    /// As written.
    Text source() const { return source_; }
    /// The value for a subject; lives as long as the subject's arena. A single variable that is not found gives null
    /// Text; inside a longer text it is empty.
    Text evaluate(Subject& subject) const { return is_constant() ? source_ : evaluate_parts(subject); }

 private:
    enum class Kind : uint8_t { literal, variable, capture };
    struct Part {
        Kind kind;
        uint32_t number = 0;  ///< variable's index or capture's group
        Text text;
    };

    Text evaluate_parts(Subject& subject) const;
    static Text value_of(const Part& part, Subject& subject);

    Text source_;
    std::span<const Part> parts_;
};

}  // namespace sluice::script

namespace sluice::conf {

template <>
struct Value<script::Complex> : OneWord {
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, script::Complex& out);
};

}  // namespace sluice::conf
