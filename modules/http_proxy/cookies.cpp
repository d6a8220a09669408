// Rewriting of Set-Cookie: domain, path, flags (RFC 6265 §4.1).
#include <sluice/http/fields/token_list.h>

#include "rewriting.h"

namespace sluice::proxy {

namespace {

/// The value with the first rule that fits; itself when none does.
Text apply(script::Subject& subject, Text value, const conf::Sequence<Redirect>& rules, bool is_domain) {
    for (const Redirect& rule : rules) {
        // A domain is compared as a whole; of a path, a prefix is replaced.
        if (is_domain && rule.regex == nullptr) {
            const size_t dot = value.starts_with('.') ? 1 : 0;
            if (text::iequals(rule.from.evaluate(subject), value.substr(dot)))
                return subject.arena().concat(value.substr(0, dot), rule.to.evaluate(subject));
            continue;
        }
        const Text changed = rewrite_location(subject, value, rule);
        if (changed.data() != nullptr) return changed;
    }
    return value;
}

bool fits(script::Subject& subject, const CookieFlags& rule, Text name) {
    if (rule.regex != nullptr) return rule.regex->test(subject.log(), name) == script::Match::yes;
    return text::iequals(rule.name.evaluate(subject), name);
}

Text attribute_name(Text attribute) {
    return text::trim(attribute.substr(0, attribute.find('=')));
}

bool is_listed(std::span<const Text> list, Text name) {
    for (const Text one : list)
        if (text::iequals(attribute_name(one), name)) return true;
    return false;
}

const CookieFlags* find_flags(script::Subject& subject, const conf::Sequence<CookieFlags>& rules, Text name) {
    for (const CookieFlags& rule : rules)
        if (fits(subject, rule, name)) return &rule;
    return nullptr;
}

Text rewrite_attribute(script::Subject& subject, Text attribute, const Cookies& rules) {
    const size_t equals = attribute.find('=');
    if (equals == Text::npos) return attribute;
    const Text name = attribute_name(attribute);
    const Text before = attribute.substr(0, equals + 1);
    const Text value = attribute.substr(equals + 1);
    const bool is_domain = text::iequals(name, "domain");
    if (!is_domain && !text::iequals(name, "path")) return attribute;
    return subject.arena().concat(before, apply(subject, value, is_domain ? rules.domains : rules.paths, is_domain));
}

}  // namespace

Text rewrite_cookie(script::Subject& subject, Text value, const Cookies& rules) {
    if (rules.domains.empty() && rules.paths.empty() && rules.flags.empty()) return {};
    Arena& arena = subject.arena();
    Text rest = value;
    Text made = text::split_off(rest, ';');
    const CookieFlags* flags = find_flags(subject, rules.flags, attribute_name(made));
    const bool has_more = value.find(';') != Text::npos;
    while (has_more && !rest.empty()) {
        const Text attribute = text::split_off(rest, ';');
        const Text name = attribute_name(attribute);
        if (flags != nullptr && (is_listed(flags->add, name) || is_listed(flags->remove, name))) continue;
        made = arena.concat(made, ";", rewrite_attribute(subject, attribute, rules));
    }
    if (flags != nullptr)
        for (const Text flag : flags->add) made = arena.concat(made, "; ", flag);
    return made;
}

}  // namespace sluice::proxy
