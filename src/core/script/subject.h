// Subject: what a configuration's values are evaluated for. An HTTP request and a stream session both are one, so
// that maps, logs, balancers and limits are written once.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/log/log.h"

namespace sluice::script {

class VariableTable;

/// A value that is there, if only as "". A Text whose data() is null was not found.
constexpr bool is_found(Text value) {
    return value.data() != nullptr;
}

class Subject {
 public:
    Arena& arena() const { return arena_; }
    Log& log() { return log_; }
    const Log& log() const { return log_; }

    /// The value of an indexed variable; evaluated at most once where the variable is cacheable. Null Text: not
    /// found.
    Text variable(uint32_t index);
    /// Gives an indexed variable a value for the rest of the subject's life.
    void assign(uint32_t index, Text value);
    /// Forgets what was evaluated so far, but for values that were assigned (an internal redirect, an error page).
    void forget_variables();

    /// $1 … $9 of the last regex that matched; null Text when there is no such group.
    Text capture(size_t group) const;
    void set_captures(Text subject, std::span<const size_t> offsets);

 protected:
    Subject(Arena& arena, const VariableTable& table) : arena_(arena), table_(table) {}
    ~Subject() = default;

 private:
    enum class Known : uint8_t { no, evaluating, cached, assigned };
    struct Value {
        Text text;
        Known known = Known::no;
    };
    Value* values();

    Arena& arena_;
    const VariableTable& table_;
    Log log_;
    Value* values_ = nullptr;  ///< by index, made when the first variable is asked for
    Text captured_;
    std::span<const size_t> offsets_;  ///< begin and end of each group in `captured_`
};

}  // namespace sluice::script
