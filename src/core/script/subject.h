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
    /// Evaluations may lie this deep within each other, as in nginx; what is deeper is not found.
    static constexpr uint8_t kDeepest = 100;
    /// $0 (the whole match) to $9.
    static constexpr size_t kCaptures = 10;

    Subject(const Subject&) = delete;

    Arena& arena() const { return arena_; }
    Log& log() { return log_; }
    const Log& log() const { return log_; }

    /// The value of an indexed variable; evaluated at most once where the variable is cacheable, for the rest of the
    /// subject's life (in nginx, too, an internal redirect forgets nothing). Null Text: not found, or
    /// `cycle while evaluating variable "x"`, which is logged.
    Text variable(uint32_t index);
    /// The value of any variable, for modules whose content names variables (SSI). Not for the usual path: it looks
    /// the name up. Null Text also when there is no such variable.
    Text variable_by_name(Text name);
    /// Gives an indexed variable a value for the rest of the subject's life, or calls the `set` of its definer.
    /// `value` must live as long as the arena.
    void assign(uint32_t index, Text value);
    /// As assign(), past the `set` of the definer: captures, and definers themselves.
    void store(uint32_t index, Text value);

    /// $1 … $9 of the last regex that matched, $0 the whole match; null Text when it has no such group.
    Text capture(size_t group) const { return group < capture_count_ ? captures_[group] : Text{}; }
    /// `offsets`: begin and end of each group in `whole`, from group 0; a group that took no part begins behind its
    /// end. `whole` must live as long as the captures are used. Groups above 9 are dropped.
    void set_captures(Text whole, std::span<const size_t> offsets);

 protected:
    Subject(Arena& arena, const VariableTable& table) : arena_(arena), table_(table) {}
    ~Subject() = default;
    /// Values are common with `main` from now on (subrequests). `main` and its arena live longer; values from here
    /// must live in an arena that lives as long as main's.
    void share_variables(Subject& main) { values_ = main.values(); }

 private:
    enum class Known : uint8_t { no, evaluating, yes };
    struct Value {
        const char* data;
        uint64_t size : 56;
        uint64_t known : 8;
    };
    Value* values();
    Text evaluate(uint32_t index);

    Arena& arena_;
    const VariableTable& table_;
    Value* values_ = nullptr;    ///< by index, made when the first variable is asked for
    Text* captures_ = nullptr;   ///< kCaptures of them, made by the first match
    uint8_t capture_count_ = 0;  ///< of the last match
    uint8_t depth_ = 0;
    Log log_;
};

}  // namespace sluice::script
