// The directives that rewrite fields of an answer: proxy_redirect, proxy_cookie_domain, proxy_cookie_path,
// proxy_cookie_flags. After `off` nothing more may follow, and `off` follows nothing.
#include "conf.h"

namespace sluice::proxy {

namespace {

using conf::Arguments;
using conf::Parser;

Error duplicate(Parser& parser) {
    return Error(parser.arena().concat("\"", parser.directive().text, "\" directive is duplicate"));
}

Error invalid_parameter(Parser& parser, const conf::Token& word) {
    parser.point_at(word);
    return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
}

/// `proxy_redirect default` stands for the proxy_pass of its own block.
Result<void> check_default(Parser& parser) {
    if (parser.is_reading_default()) return {};
    const auto* conf = parser.peek<ProxyConf>();
    if (conf == nullptr || !conf->target.is_here())
        return Error("\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive");
    if ((*conf->target)->group == nullptr)
        return Error("\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables");
    return {};
}

/// What is there already, or nothing for the first writing in a block.
template <class T>
T written_so_far(const Setting<T>& field) {
    return field.is_here() ? *field : T{};
}

/// The only word may be `off`.
template <class Rule>
Result<void> switch_off(Parser& parser, Setting<Rules<Rule>>& field, const conf::Token& word) {
    if (word.text != "off") return invalid_parameter(parser, word);
    if (field.is_here()) return duplicate(parser);
    field.set({.is_off = true, .all = {}});
    return {};
}

}  // namespace

Result<void> parse_redirect(Parser& parser, Setting<Redirects>& field, Arguments words) {
    Redirects redirects = field.is_here() ? *field : Redirects{.is_off = false, .has_default = false, .rules = {}};
    if (redirects.is_off) return duplicate(parser);
    if (words.size() == 2) {
        Result<Redirect> rule = parse_rule(parser, words[0], &words[1], RegexCase::told);
        if (!rule) return rule.error();
        redirects.rules.append(parser.arena(), *rule);
    } else if (words[0].text == "off") {
        if (field.is_here()) return duplicate(parser);
        redirects.is_off = true;
    } else if (words[0].text == "default") {
        if (Result<void> fits = check_default(parser); !fits) return fits;
        redirects.has_default = true;
    } else {
        return invalid_parameter(parser, words[0]);
    }
    field.set(redirects);
    return {};
}

namespace {
Result<void> cookie_rule(Parser& parser, Setting<Rules<Redirect>>& field, Arguments words, RegexCase regex_case) {
    Rules<Redirect> rules = written_so_far(field);
    if (rules.is_off) return duplicate(parser);
    if (words.size() == 1) return switch_off(parser, field, words[0]);
    Result<Redirect> rule = parse_rule(parser, words[0], &words[1], regex_case);
    if (!rule) return rule.error();
    rules.all.append(parser.arena(), *rule);
    field.set(rules);
    return {};
}

}  // namespace

Result<void> parse_cookie_domain(Parser& parser, Setting<Rules<Redirect>>& field, Arguments words) {
    return cookie_rule(parser, field, words, RegexCase::ignored);
}

Result<void> parse_cookie_path(Parser& parser, Setting<Rules<Redirect>>& field, Arguments words) {
    return cookie_rule(parser, field, words, RegexCase::told);
}

Result<void> parse_cookie_flags(Parser& parser, Setting<Rules<CookieFlags>>& field, Arguments words) {
    Rules<CookieFlags> rules = written_so_far(field);
    if (rules.is_off) return duplicate(parser);
    if (words.size() == 1) return switch_off(parser, field, words[0]);
    Result<Redirect> name = parse_rule(parser, words[0], nullptr, RegexCase::ignored);
    if (!name) return name.error();
    const std::span<script::Complex> flags = parser.arena().make_array<script::Complex>(words.size() - 1);
    for (size_t i = 0; i < flags.size(); ++i) {
        Result<script::Complex> flag = script::Complex::compile(parser, words[i + 1]);
        if (!flag) return flag.error();
        if (flag->is_constant() && !is_cookie_flag(flag->source())) {
            parser.point_at(words[i + 1]);
            parser.warn(parser.arena().concat("unknown flag \"", flag->source(), "\" has no effect"));
        }
        flags[i] = *flag;
    }
    rules.all.append(parser.arena(), {name->from, name->regex, flags});
    field.set(rules);
    return {};
}

}  // namespace sluice::proxy
