// Conditions of `if`.
#include "condition.h"

#include <array>
#include <cerrno>
#include <vector>

#include <sluice/http/static/open_file.h>
#include <sys/stat.h>

namespace sluice::rewrite {

namespace {

using Kind = Condition::Kind;

struct FileTest {
    Text word;
    Kind kind;
};
constexpr std::array kFileTests{
    FileTest{"-f", Kind::is_file},
    FileTest{"-d", Kind::is_directory},
    FileTest{"-e", Kind::exists},
    FileTest{"-x", Kind::is_executable},
};

struct Operator {
    Text word;
    Kind kind;
    bool is_negated;
    bool ignores_case;
};
constexpr std::array kOperators{
    Operator{"=", Kind::equals, false, false},  Operator{"!=", Kind::equals, true, false},
    Operator{"~", Kind::matches, false, false}, Operator{"~*", Kind::matches, false, true},
    Operator{"!~", Kind::matches, true, false}, Operator{"!~*", Kind::matches, true, true},
};

Error invalid(conf::Parser& parser, Text word) {
    return Error(parser.arena().concat("invalid condition \"", word, "\""));
}

Error unexpected(conf::Parser& parser, Text word) {
    return Error(parser.arena().concat("unexpected \"", word, "\" in condition"));
}

Result<uint32_t> variable_of(conf::Parser& parser, const conf::Token& word) {
    if (word.text.size() < 2) {
        parser.point_at(word);
        return invalid(parser, word.text);
    }
    return parser.scope().variables->index(parser.arena(), word.text.substr(1), word.at);
}

Result<script::Complex> compile(conf::Parser& parser, const conf::Token& word) {
    return script::Complex::compile(parser.arena(), *parser.scope().variables, word.text, word.at);
}

/// The words without the parentheses, which may stand by themselves.
Result<std::vector<conf::Token>> strip(conf::Parser& parser, conf::Arguments words) {
    std::vector<conf::Token> inner(words.begin(), words.end());
    if (inner.empty() || !inner.front().text.starts_with('('))
        return invalid(parser, inner.empty() ? Text{} : inner.front().text);
    inner.front().text.remove_prefix(1);
    if (inner.front().text.empty()) inner.erase(inner.begin());
    if (inner.empty()) return invalid(parser, words.front().text);
    if (!inner.back().text.ends_with(')')) return invalid(parser, inner.back().text);
    if (inner.size() == 1 && inner.front().text == ")") return invalid(parser, ")");
    inner.back().text.remove_suffix(1);
    if (!inner.empty() && inner.back().text.empty()) inner.pop_back();
    if (inner.empty()) return invalid(parser, words.front().text);
    return inner;
}

Result<Condition> parse_comparison(conf::Parser& parser, std::span<const conf::Token> words) {
    Condition made;
    Result<uint32_t> variable = variable_of(parser, words[0]);
    if (!variable) return variable.error();
    made.variable = *variable;
    if (words.size() == 1) return made;
    if (words.size() != 3) return invalid(parser, words[0].text);
    const Operator* known = nullptr;
    for (const Operator& one : kOperators)
        if (one.word == words[1].text) known = &one;
    if (known == nullptr) return unexpected(parser, words[1].text);
    made.kind = known->kind;
    made.is_negated = known->is_negated;
    if (made.kind == Kind::equals) {
        Result<script::Complex> value = compile(parser, words[2]);
        if (!value) return value.error();
        made.value = *value;
        return made;
    }
    Result<const script::Regex*> regex = script::Regex::compile(parser.arena(), *parser.scope().variables,
                                                                words[2].text, {.ignore_case = known->ignores_case});
    if (!regex) return regex.error();
    made.regex = *regex;
    return made;
}

Outcome outcome_of(const Condition& condition, bool is_met) {
    return is_met != condition.is_negated ? Outcome::met : Outcome::unmet;
}

Outcome judge_match(const Condition& condition, http::Request& request, LogLevel level) {
    const Text value = request.variable(condition.variable);
    const script::Match match = condition.regex->match(request, script::is_found(value) ? value : Text(""));
    if (match == script::Match::failed) return Outcome::failed;
    const bool is_met = match == script::Match::yes;
    if (!is_met) request.set_captures({}, {});  // as nginx: $1 is what the last regex said, even if that is nothing
    request.log().write(level, 0, "\"", condition.regex->pattern(), is_met ? "\" matches \"" : "\" does not match \"",
                        value, "\"");
    return outcome_of(condition, is_met);
}

bool is_executable(Text path) {
    struct stat info {};
    return ::stat(path.data(), &info) == 0 && (info.st_mode & S_IXUSR) != 0;
}

/// A file is there where a request could open it: disable_symlinks and open_file_cache count.
bool judge_file(const Condition& condition, http::Request& request) {
    const Text value = condition.value.evaluate(request);
    const Text path{request.arena().copy_c_str(value), value.size()};
    const http::OpenFile found = http::probe_file(request, path);
    if (!found.ok()) {
        if (found.error != ENOENT && found.error != ENOTDIR && found.error != ENAMETOOLONG)
            request.log().write(LogLevel::crit, found.error, found.failed_call, " \"", path, "\" failed");
        return false;
    }
    switch (condition.kind) {
        case Kind::is_file: return found.info.is_regular();
        case Kind::is_directory: return found.info.is_folder();
        case Kind::is_executable: return is_executable(path);
        case Kind::exists:
        case Kind::is_true:
        case Kind::equals:
        case Kind::matches: break;
    }
    return true;
}

}  // namespace

Result<Condition> parse_condition(conf::Parser& parser, conf::Arguments words) {
    Result<std::vector<conf::Token>> stripped = strip(parser, words);
    if (!stripped) return stripped.error();
    const std::vector<conf::Token>& inner = *stripped;
    Text word = inner[0].text;
    if (word.starts_with('$')) return parse_comparison(parser, inner);
    Condition made;
    if (word.starts_with('!')) {
        made.is_negated = true;
        word.remove_prefix(1);
    }
    for (const FileTest& test : kFileTests) {
        if (test.word != word) continue;
        if (inner.size() != 2) return invalid(parser, inner[0].text);
        Result<script::Complex> path = compile(parser, inner[1]);
        if (!path) return path.error();
        made.kind = test.kind;
        made.value = *path;
        return made;
    }
    return invalid(parser, inner[0].text);
}

Outcome judge(const Condition& condition, http::Request& request, LogLevel level) {
    switch (condition.kind) {
        case Kind::is_true: return outcome_of(condition, script::is_true(request.variable(condition.variable)));
        case Kind::equals:
            return outcome_of(condition, request.variable(condition.variable) == condition.value.evaluate(request));
        case Kind::matches: return judge_match(condition, request, level);
        case Kind::is_file:
        case Kind::is_directory:
        case Kind::exists:
        case Kind::is_executable: break;
    }
    return outcome_of(condition, judge_file(condition, request));
}

}  // namespace sluice::rewrite
