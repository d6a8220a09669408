// Program: the directives of one block in the order written, as steps that run for a request.
#pragma once

#include <sluice/core/script/regex.h>
#include <sluice/sdk.h>

#include "condition.h"

namespace sluice::rewrite {

/// `return code [text]`, `return code URL`, `return URL`.
struct Return {
    uint16_t status = 0;
    script::Complex text;
    bool has_text = false;
};

/// `rewrite regex replacement [flag]`
struct Rewrite {
    enum class Flag : uint8_t { none, last, stop, redirect, permanent };
    const script::Regex* regex = nullptr;
    script::Complex path;
    script::Complex args;  ///< behind the first question mark of the replacement
    bool has_args = false;
    bool keeps_args = true;  ///< those of the request are appended; false: the replacement ends with "?"
    Flag flag = Flag::none;
};

/// `set $name value`
struct Assignment {
    uint32_t variable = 0;
    script::Complex value;
};

/// `if (condition) { … }`
struct Branch {
    Condition condition;
    const http::Location* location = nullptr;  ///< in force while the condition is met
};

struct Step {
    enum class Kind : uint8_t { answer, rewrite, assign, branch, stop };
    Kind kind = Kind::stop;
    const void* detail = nullptr;  ///< Return, Rewrite, Assignment or Branch
};

struct RewriteConf {
    Setting<bool> rewrite_log;
    Setting<bool> uninitialized_variable_warn;
    conf::Sequence<Step> steps;
};

/// The handler of the server's rewrite phase: runs the steps of the block in force.
http::Verdict run(http::Request& request);
/// The handler of the location's: as run(), but where no location was found the server's steps do not run again.
http::Verdict run_in_location(http::Request& request);

}  // namespace sluice::rewrite
