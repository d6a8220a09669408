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
    std::span<const Text> add;     ///< "Secure", "SameSite=Lax"
    std::span<const Text> remove;  ///< names
};

struct Cookies {
    conf::Sequence<Redirect> domains;
    conf::Sequence<Redirect> paths;
    conf::Sequence<CookieFlags> flags;
};

/// `location` by the first rule that fits; null Text when none does.
Text rewrite_location(script::Subject& subject, Text location, const Redirect& rule);
/// A Set-Cookie value with all rules applied; null Text when nothing changed.
Text rewrite_cookie(script::Subject& subject, Text value, const Cookies& rules);

Result<void> parse_redirect(conf::Parser& parser, Setting<Redirects>& field, conf::Arguments words);
/// A rule of two words: literal with variables, or `~regex`, `~*regex`.
Result<Redirect> parse_rule(conf::Parser& parser, const conf::Token& from, const conf::Token& to);

}  // namespace sluice::proxy
