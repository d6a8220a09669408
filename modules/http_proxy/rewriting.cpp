// Rewriting of Location and Refresh, and the rules that cookies are rewritten by.
#include "rewriting.h"

namespace sluice::proxy {

namespace {

Text replace_prefix(script::Subject& subject, Text value, const Redirect& rule) {
    const Text from = rule.from.evaluate(subject);
    if (!value.starts_with(from)) return {};
    return subject.arena().concat(rule.to.evaluate(subject), value.substr(from.size()));
}

}  // namespace

Text rewrite_location(script::Subject& subject, Text location, const Redirect& rule) {
    if (rule.regex == nullptr) return replace_prefix(subject, location, rule);
    if (rule.regex->match(subject, location) != script::Match::yes) return {};
    return rule.to.evaluate(subject);
}

Result<Redirect> parse_rule(conf::Parser& parser, const conf::Token& from, const conf::Token* to,
                            RegexCase regex_case) {
    Redirect rule;
    Arena& arena = parser.arena();
    script::VariableTable& table = *parser.scope().variables;
    if (from.text.starts_with('~')) {
        const bool has_star = regex_case == RegexCase::told && from.text.starts_with("~*");
        const bool ignores_case = has_star || regex_case == RegexCase::ignored;
        Result<const script::Regex*> regex =
            script::Regex::compile(arena, table, from.text.substr(has_star ? 2 : 1), {ignores_case});
        parser.point_at(from);
        if (!regex) return regex.error();
        rule.regex = *regex;
    } else {
        Result<script::Complex> compiled = script::Complex::compile(arena, table, from.text, from.at);
        if (!compiled) return compiled.error();
        rule.from = *compiled;
    }
    if (to == nullptr) return rule;
    Result<script::Complex> compiled = script::Complex::compile(arena, table, to->text, to->at);
    if (!compiled) return compiled.error();
    rule.to = *compiled;
    return rule;
}

}  // namespace sluice::proxy
