// Rewriting of Set-Cookie: domain, path, flags (RFC 6265 §4.1). A field that a rule fits is put together anew; others
// pass as they are.
#include <algorithm>
#include <array>
#include <vector>

#include "rewriting.h"

namespace sluice::proxy {

namespace {

struct Attribute {
    Text name;
    Text value;  ///< null: there is no "="
    bool is(Text other) const { return text::iequals(name, other); }
};
using Attributes = std::vector<Attribute>;

/// The first one is the cookie itself.
Attributes split(Text cookie) {
    Attributes all;
    for (bool is_last = false; !is_last;) {
        is_last = cookie.find(';') == Text::npos;
        const Text attribute = text::split_off(cookie, ';');
        const size_t equals = attribute.find('=');
        all.push_back({text::trim(attribute.substr(0, equals)),
                       equals == Text::npos ? Text{} : text::trim(attribute.substr(equals + 1))});
    }
    return all;
}

Text join(Arena& arena, const Attributes& attributes) {
    Text made;
    for (const Attribute& one : attributes) {
        const bool is_first = made.data() == nullptr;
        made = arena.concat(made, is_first ? Text{} : Text("; "), one.name,
                            one.value.data() != nullptr ? Text("=") : Text{}, one.value);
    }
    return made;
}

Text without_dot(Text domain) {
    return domain.starts_with('.') ? domain.substr(1) : domain;
}

/// Null Text when the rule does not fit. A domain is compared as a whole, dots before it do not count.
Text rewrite_domain(script::Subject& subject, Text domain, const Redirect& rule) {
    if (rule.regex != nullptr) return rewrite_location(subject, domain, rule);
    if (!text::iequals(without_dot(rule.from.evaluate(subject)), without_dot(domain))) return {};
    return subject.arena().concat(domain.substr(0, domain.size() - without_dot(domain).size()),
                                  without_dot(rule.to.evaluate(subject)));
}

/// Gives each attribute of the name what the first rule that fits says.
template <class Rewrite>
bool rewrite_values(script::Subject& subject, Attributes& attributes, Text name,
                    const conf::Sequence<Redirect>& rules, Rewrite rewrite) {
    bool is_changed = false;
    for (size_t i = 1; i < attributes.size(); ++i) {
        Attribute& one = attributes[i];
        if (!one.is(name) || one.value.empty()) continue;
        for (const Redirect& rule : rules) {
            const Text changed = rewrite(subject, one.value, rule);
            if (changed.data() == nullptr) continue;
            one.value = changed;
            is_changed = true;
            break;
        }
    }
    return is_changed;
}

/// The words of proxy_cookie_flags; of those about one attribute, the first in this order counts.
struct Flag {
    Text word;
    Attribute attribute;  ///< what it adds
    bool removes = false;
};
constexpr std::array kFlags{
    Flag{"secure", {"Secure", {}}},
    Flag{"nosecure", {"Secure", {}}, true},
    Flag{"httponly", {"HttpOnly", {}}},
    Flag{"nohttponly", {"HttpOnly", {}}, true},
    Flag{"samesite=strict", {"SameSite", "Strict"}},
    Flag{"samesite=lax", {"SameSite", "Lax"}},
    Flag{"samesite=none", {"SameSite", "None"}},
    Flag{"nosamesite", {"SameSite", {}}, true},
};

void apply(Attributes& attributes, const Flag& flag) {
    const auto is_it = [&](const Attribute& one) { return one.is(flag.attribute.name); };
    const auto first = std::find_if(attributes.begin() + 1, attributes.end(), is_it);
    if (flag.removes) {
        attributes.erase(std::remove_if(first, attributes.end(), is_it), attributes.end());
    } else if (first == attributes.end()) {
        attributes.push_back(flag.attribute);
    } else if (!flag.attribute.value.empty() && !text::iequals(first->value, flag.attribute.value)) {
        *first = flag.attribute;
    }
}

bool fits(script::Subject& subject, const CookieFlags& rule, Text name) {
    if (rule.regex != nullptr) return rule.regex->test(subject.log(), name) == script::Match::yes;
    return text::iequals(rule.name.evaluate(subject), name);
}

/// False when no rule is for this cookie, or its words mean nothing.
bool set_flags(script::Subject& subject, Attributes& attributes, const conf::Sequence<CookieFlags>& rules) {
    for (const CookieFlags& rule : rules) {
        if (!fits(subject, rule, attributes.front().name)) continue;
        std::array<bool, kFlags.size()> is_asked{};
        for (const script::Complex& word : rule.flags) {
            const Text value = word.evaluate(subject);
            for (size_t i = 0; i < kFlags.size(); ++i) is_asked[i] |= text::iequals(kFlags[i].word, value);
        }
        Text done;
        for (size_t i = 0; i < kFlags.size(); ++i) {
            if (!is_asked[i] || done == kFlags[i].attribute.name) continue;
            apply(attributes, kFlags[i]);
            done = kFlags[i].attribute.name;
        }
        return !done.empty();
    }
    return false;
}

}  // namespace

bool is_cookie_flag(Text word) {
    return std::any_of(kFlags.begin(), kFlags.end(),
                       [&](const Flag& flag) { return text::iequals(flag.word, word); });
}

Text rewrite_cookie(script::Subject& subject, Text value, const CookieRules& rules) {
    if (rules.domains.empty() && rules.paths.empty() && rules.flags.empty()) return {};
    Attributes attributes = split(value);
    if (attributes.front().value.data() == nullptr) return {};
    bool is_changed = rewrite_values(subject, attributes, "domain", rules.domains, rewrite_domain);
    is_changed |= rewrite_values(subject, attributes, "path", rules.paths, rewrite_location);
    is_changed |= set_flags(subject, attributes, rules.flags);
    return is_changed ? join(subject.arena(), attributes) : Text{};
}

}  // namespace sluice::proxy
