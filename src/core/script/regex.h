// Regex: PCRE2 with JIT. A match leaves its groups with the subject ($1 …) and assigns named groups to variables.
// A pattern that backtracks without end is stopped by a limit; it never holds the worker.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/log/log.h"
#include "core/script/subject.h"

struct pcre2_real_code_8;

namespace sluice::script {

class VariableTable;

enum class Match : uint8_t {
    yes,
    no,
    failed,  ///< a limit was hit: logged, to be treated as an error
};

class Regex {
 public:
    struct Options {
        bool ignore_case = false;
    };
    struct NamedGroup {
        Text name;
        size_t group;
        uint32_t variable;  ///< index, or kNoVariable when compiled without a table
    };
    static constexpr uint32_t kNoVariable = UINT32_MAX;

    /// Compiles for the generation that `arena` belongs to; `pattern` lives as long. Errors in nginx's words:
    /// `pcre2_compile() failed: unmatched closing parenthesis in "a)b" at ")b"`. Named groups become variables:
    /// `the duplicate "host" variable` for one that may not change.
    static Result<const Regex*> compile(Arena& arena, VariableTable& table, Text pattern, const Options& options);
    /// Without variables: named groups are not assigned.
    static Result<const Regex*> compile(Arena& arena, Text pattern, const Options& options);
    Regex(const Regex&) = delete;

    /// Matches anywhere in `value`. On `yes` the groups go to `subject`; `value` must live as long as they are used.
    /// On `no` and `failed` the subject keeps what it had.
    Match match(Subject& subject, Text value) const;
    /// Just the answer. `log` gets the line of a failure.
    Match test(const Log& log, Text value) const;

    Text pattern() const { return pattern_; }
    size_t group_count() const { return groups_; }
    std::span<const NamedGroup> named_groups() const { return named_; }
    bool ignores_case() const { return ignores_case_; }
    /// What every text that matches begins with, unescaped; compare it without regard to case where ignores_case().
    /// Empty where the pattern says no such thing: one that is not anchored by `^`, or has alternatives outside of
    /// groups.
    Text literal_prefix() const { return literal_prefix_; }

 private:
    Regex() = default;
    int run(Text value) const;
    void fail(const Log& log, int code, Text value) const;
    Result<void> name_groups(Arena& arena, VariableTable* table);
    static Result<const Regex*> compile(Arena& arena, VariableTable* table, Text pattern, const Options& options);

    Text pattern_;
    Text literal_prefix_;
    pcre2_real_code_8* code_ = nullptr;
    std::span<const NamedGroup> named_;
    uint32_t groups_ = 0;
    bool ignores_case_ = false;
    bool is_jit_ = false;
};

}  // namespace sluice::script
