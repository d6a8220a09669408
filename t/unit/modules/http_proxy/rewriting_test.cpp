// proxy_redirect, proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags: what becomes of a field. The cookies
// are observed of nginx 1.22.
#include "http_proxy/rewriting.h"

#include <gtest/gtest.h>

#include "core/script/fixture.h"

namespace sluice::proxy {
namespace {

struct Case {
    script::test::Fixture fixture;
    conf::Sequence<Redirect> domains;
    conf::Sequence<Redirect> paths;
    conf::Sequence<CookieFlags> flags;

    Redirect rule(Text from, Text to, bool ignores_case = false) {
        Redirect made;
        made.to = fixture.compile(to);
        if (from.starts_with('~')) {
            made.regex =
                *script::Regex::compile(fixture.arena, fixture.table, from.substr(1), {.ignore_case = ignores_case});
        } else {
            made.from = fixture.compile(from);
        }
        return made;
    }
    void flag(Text cookie, std::initializer_list<Text> words) {
        const std::span<script::Complex> all = fixture.arena.make_array<script::Complex>(words.size());
        size_t at = 0;
        for (const Text word : words) all[at++] = fixture.compile(word);
        flags.append(fixture.arena, {fixture.compile(cookie), nullptr, all});
    }
    /// "(none)" when nothing changed.
    std::string cookie(Text value) {
        EXPECT_EQ(fixture.bind(), "");
        auto subject = fixture.subject();
        return script::test::show(rewrite_cookie(subject, value, {domains, paths, flags}));
    }
    std::string location(Text value, const Redirect& one) {
        EXPECT_EQ(fixture.bind(), "");
        auto subject = fixture.subject();
        return script::test::show(rewrite_location(subject, value, one));
    }
};

TEST(ProxyRedirect, PrefixOrRegex) {
    Case one;
    EXPECT_EQ(one.location("http://in/a", one.rule("http://in/", "/out/")), "/out/a");
    EXPECT_EQ(one.location("http://IN/a", one.rule("http://in/", "/out/")), "(none)");
    EXPECT_EQ(one.location("/7/a", one.rule("/$number/", "/n$number/")), "/n7/a");
    EXPECT_EQ(one.location("http://in/a/b", one.rule("~^http://([a-z]+)/(.*)$", "/$1-$2")), "/in-a/b");
    EXPECT_EQ(one.location("ftp://in", one.rule("~^http:", "/")), "(none)");
}

TEST(ProxyCookie, Domain) {
    Case one;
    one.domains.append(one.fixture.arena, one.rule("inner", "outer"));
    EXPECT_EQ(one.cookie("a=1; Domain=inner"), "a=1; Domain=outer");
    EXPECT_EQ(one.cookie("a=1;domain = .INNER ;x"), "a=1; domain=.outer; x");
    EXPECT_EQ(one.cookie("a=1; Domain=other; x"), "(none)");
    EXPECT_EQ(one.cookie("a=1; Domain"), "(none)");
    EXPECT_EQ(one.cookie("a; Domain=inner"), "(none)") << "no cookie";
    EXPECT_EQ(one.cookie("Domain=inner"), "(none)") << "the cookie's own name";
    EXPECT_EQ(one.cookie("a=1;Domain=inner;Domain=inner;x=  y  ; ;z"), "a=1; Domain=outer; Domain=outer; x=y; ; z");
    Case dots;
    dots.domains.append(dots.fixture.arena, dots.rule(".inner", ".outer"));
    EXPECT_EQ(dots.cookie("a=1; Domain=inner"), "a=1; Domain=outer");
    Case regex;
    regex.domains.append(regex.fixture.arena, regex.rule("~^\\.(IN)", "$1.out", true));
    EXPECT_EQ(regex.cookie("a=1; Domain=.inner"), "a=1; Domain=in.out");
}

TEST(ProxyCookie, PathByTheFirstRuleThatFits) {
    Case one;
    one.paths.append(one.fixture.arena, one.rule("/app/", "/"));
    one.paths.append(one.fixture.arena, one.rule("/", "/second/"));
    EXPECT_EQ(one.cookie("a=1; Path=/app/x"), "a=1; Path=/x");
    EXPECT_EQ(one.cookie("a=1; Path=/x"), "a=1; Path=/second/x");
    EXPECT_EQ(one.cookie("a=1; Path="), "(none)");
}

TEST(ProxyCookie, FlagsAreAddedInTheirOwnOrder) {
    Case one;
    one.flag("a", {"samesite=none", "HTTPONLY", "secure"});
    EXPECT_EQ(one.cookie("a=1; x"), "a=1; x; Secure; HttpOnly; SameSite=None");
    EXPECT_EQ(one.cookie("A=1;secure=y;samesite=lax;samesite"), "A=1; secure=y; SameSite=None; samesite; HttpOnly");
    EXPECT_EQ(one.cookie("b=1"), "(none)");
    EXPECT_EQ(one.cookie("a"), "(none)");
    EXPECT_EQ(one.cookie("a=1;"), "a=1; ; Secure; HttpOnly; SameSite=None");
}

TEST(ProxyCookie, FlagsAreRemoved) {
    Case one;
    one.flag("a", {"nosecure", "nosamesite"});
    EXPECT_EQ(one.cookie("a=1; Secure; secure=x; SameSite=Lax; HttpOnly"), "a=1; HttpOnly");
    EXPECT_EQ(one.cookie("a=1;x"), "a=1; x");
    Case both;
    both.flag("a", {"nosecure", "secure", "samesite=lax", "samesite=strict"});
    EXPECT_EQ(both.cookie("a=1"), "a=1; Secure; SameSite=Strict");
}

TEST(ProxyCookie, FlagsFromVariables) {
    Case one;
    one.flag("$number", {"$number", "$absent"});
    EXPECT_EQ(one.cookie("7=1;x"), "(none)") << "no word that means something";
    Case other;
    other.flag("$number", {"secure"});
    EXPECT_EQ(other.cookie("7=1"), "7=1; Secure");
    EXPECT_TRUE(is_cookie_flag("SameSite=Lax") && !is_cookie_flag("samesite"));
}

}  // namespace
}  // namespace sluice::proxy
