// A family of variables, a bound table and a subject, as the tests of core/script need them.
#pragma once

#include <string>
#include <vector>

#include "core/log/error_log.h"
#include "core/script/complex_value.h"
#include "core/script/regex.h"
#include "core/script/subject.h"
#include "core/script/variable.h"

namespace sluice::script::test {

/// Keeps the lines of a log.
class Lines : public LogRoute {
 public:
    Lines() { threshold_ = LogLevel::info; }
    void emit(LogLevel level, Text line) const override {
        // "[error] PID#TID: message" as it comes.
        all.push_back(std::string(log_level_name(level)).append(line.substr(line.find(": "))));
    }
    mutable std::vector<std::string> all;
};

class Case : public Subject {
 public:
    Case(Arena& arena, const VariableTable& table, const LogRoute& lines) : Subject(arena, table) {
        log().set_route(&lines);
    }
    Case(Arena& arena, const VariableTable& table, Case& main) : Subject(arena, table) { share_variables(main); }

    int asked = 0;         ///< how often a getter ran
    Text number = "7";     ///< what $number says
    std::string assigned;  ///< what the setter of $limit got
};

struct Fixture {
    Arena arena;          ///< of the configuration
    Arena request_arena;  ///< of the subjects
    VariableTable table;
    Lines lines;

    Fixture();
    Complex compile(Text source);
    /// Binds without autoload; the error's text or "".
    std::string bind();
    Case subject() { return Case(request_arena, table, lines); }
};

/// The value, or "(none)" when it was not found.
std::string show(Text value);

/// A variable whose value is a complex one, as a map's is.
Text get_complex(Subject& subject, const void* datum, Text suffix);

}  // namespace sluice::script::test
