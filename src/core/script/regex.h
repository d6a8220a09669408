// Regex: PCRE2 with JIT. A match leaves its groups with the subject ($1 …) and assigns named groups to variables.
#pragma once

#include <memory>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
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

    /// Compiles for the generation that `arena` belongs to. Errors in nginx's words:
    /// `pcre2_compile() failed: missing closing parenthesis in "(" at ""`. Named groups become variables.
    static Result<const Regex*> compile(Arena& arena, VariableTable& table, Text pattern, const Options& options);
    ~Regex();
    Regex(Regex&&) = delete;

    /// On `yes` the groups go to `subject`; `value` must live as long as they are used.
    Match match(Subject& subject, Text value) const;
    Text pattern() const { return pattern_; }
    size_t group_count() const { return groups_; }

 private:
    struct NamedGroup {
        size_t group;
        uint32_t variable;
    };
    friend class sluice::Arena;
    Regex() = default;

    Text pattern_;
    pcre2_real_code_8* code_ = nullptr;
    uint32_t groups_ = 0;
    std::vector<NamedGroup> named_;
};

}  // namespace sluice::script
