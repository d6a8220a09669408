// Rewriting of Location and Refresh.
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

Result<Redirect> parse_rule(conf::Parser& parser, const conf::Token& from, const conf::Token& to) {
    Redirect rule;
    Arena& arena = parser.arena();
    script::VariableTable& table = *parser.scope().variables;
    if (from.text.starts_with('~')) {
        const bool ignores_case = from.text.starts_with("~*");
        Result<const script::Regex*> regex =
            script::Regex::compile(arena, table, from.text.substr(ignores_case ? 2 : 1), {ignores_case});
        if (!regex) return regex.error();
        rule.regex = *regex;
    } else {
        Result<script::Complex> compiled = script::Complex::compile(arena, table, from.text, from.at);
        if (!compiled) return compiled.error();
        rule.from = *compiled;
    }
    Result<script::Complex> compiled = script::Complex::compile(arena, table, to.text, to.at);
    if (!compiled) return compiled.error();
    rule.to = *compiled;
    return rule;
}

Result<void> parse_redirect(conf::Parser& parser, Setting<Redirects>& field, conf::Arguments words) {
    Redirects redirects =
        field.is_here() ? field.value : Redirects{.is_off = false, .has_default = false, .rules = {}};
    if (words.size() == 1) {
        if (words[0].text == "off") {
            redirects.is_off = true;
        } else if (words[0].text == "default") {
            redirects.has_default = true;
        } else {
            parser.point_at(words[0]);
            return Error(parser.arena().concat("invalid parameter \"", words[0].text, "\""));
        }
        field.set(redirects);
        return {};
    }
    Result<Redirect> rule = parse_rule(parser, words[0], words[1]);
    if (!rule) return rule.error();
    redirects.rules.append(parser.arena(), *rule);
    field.set(redirects);
    return {};
}

}  // namespace sluice::proxy
