// Rewriting of an answer's fields: proxy_redirect, proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags.
#pragma once

#include <sluice/core/conf/parser.h>
#include <sluice/core/conf/sequence.h>
#include <sluice/core/script/complex_value.h>
#include <sluice/core/script/regex.h>

namespace sluice::proxy {

/// Replaces a prefix, or what a regex matches.
struct Redirect {
    script::Complex from;
    const script::Regex* regex = nullptr;
    script::Complex to;
};

struct Redirects {
    bool is_off = false;
    bool has_default = true;
    conf::Sequence<Redirect> rules;
};

struct CookieFlags {
    script::Complex name;
    const script::Regex* regex = nullptr;
    std::span<const script::Complex> flags;  ///< "secure", "nosamesite", "$flag"
};

/// The rules of a directive that `off` switches off.
template <class Rule>
struct Rules {
    bool is_off = false;
    conf::Sequence<Rule> all;
};

/// proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags.
struct CookieRules {
    const conf::Sequence<Redirect>& domains;
    const conf::Sequence<Redirect>& paths;
    const conf::Sequence<CookieFlags>& flags;
};

/// `location` by the first rule that fits; null Text when none does.
Text rewrite_location(script::Subject& subject, Text location, const Redirect& rule);
/// A Set-Cookie value with all rules applied; null Text when nothing changed.
Text rewrite_cookie(script::Subject& subject, Text value, const CookieRules& rules);

/// A word of proxy_cookie_flags that means something: "secure", "nosamesite", … in any case.
bool is_cookie_flag(Text word);
enum class RegexCase : uint8_t {
    told,    ///< `~regex` minds the case, `~*regex` does not
    ignored  ///< `~regex` does not
};
/// A rule of two words: literal with variables, or a regex. Of one word, when `to` is null.
Result<Redirect> parse_rule(conf::Parser& parser, const conf::Token& from, const conf::Token* to,
                            RegexCase regex_case);

}  // namespace sluice::proxy
