// Condition: what stands between the parentheses of `if`.
#pragma once

#include <sluice/core/script/regex.h>
#include <sluice/sdk.h>

namespace sluice::rewrite {

struct Condition {
    enum class Kind : uint8_t { is_true, equals, matches, is_file, is_directory, exists, is_executable };
    Kind kind = Kind::is_true;
    bool is_negated = false;
    uint32_t variable = 0;  ///< of is_true, equals, matches
    script::Complex value;  ///< to compare with, or the path
    const script::Regex* regex = nullptr;
};

/// `words` as they stand in the file, parentheses included. Errors in nginx's words: `invalid condition "x"`,
/// `unexpected "x" in condition`.
Result<Condition> parse_condition(conf::Parser& parser, conf::Arguments words);

enum class Outcome : uint8_t { met, unmet, failed };
/// `failed`: a regex hit its limits, which was logged.
Outcome judge(const Condition& condition, http::Request& request, LogLevel level);

}  // namespace sluice::rewrite
