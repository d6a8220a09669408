// Regexes: nginx's words for bad ones, groups, named groups, limits against hostile input, literal prefixes.
#include "core/script/regex.h"

#include <gtest/gtest.h>

#include "core/script/fixture.h"
#include "core/script/literal_prefix.h"

namespace sluice::script::test {
namespace {

const Regex* compile(Fixture& fixture, Text pattern, bool ignore_case = false) {
    Result<const Regex*> made = Regex::compile(fixture.arena, fixture.table, pattern, {.ignore_case = ignore_case});
    EXPECT_TRUE(made.ok()) << made.error().text;
    return made ? *made : nullptr;
}

struct Bad {
    const char* pattern;
    const char* error;
};

/// Observed of nginx 1.22 with PCRE2 10.42.
constexpr Bad kBad[] = {
    {"(", "pcre2_compile() failed: missing closing parenthesis in \"(\""},
    {"a)b", "pcre2_compile() failed: unmatched closing parenthesis in \"a)b\" at \")b\""},
    {"[a", "pcre2_compile() failed: missing terminating ] for character class in \"[a\""},
    {"*a", "pcre2_compile() failed: quantifier does not follow a repeatable item in \"*a\" at \"*a\""},
    {"a{2,1}", "pcre2_compile() failed: numbers out of order in {} quantifier in \"a{2,1}\" at \"}\""},
    {"(?<1a>a)", "pcre2_compile() failed: subpattern name must start with a non-digit in \"(?<1a>a)\" at \"1a>a)\""},
    {"(?<x>b)(?<x>c)",
     "pcre2_compile() failed: two named subpatterns have the same name (PCRE2_DUPNAMES not set) in "
     "\"(?<x>b)(?<x>c)\" at \"c)\""},
    {"(?<Number>b)", "the duplicate \"Number\" variable"},
};

TEST(Regex, BadPatternsAreWordedAsNginxWordsThem) {
    for (const Bad& bad : kBad) {
        Fixture fixture;
        Result<const Regex*> made = Regex::compile(fixture.arena, fixture.table, bad.pattern, {});
        ASSERT_FALSE(made.ok()) << bad.pattern;
        EXPECT_EQ(made.error().text, bad.error);
    }
}

TEST(Regex, GroupsAreTheLastMatchs) {
    Fixture fixture;
    const Regex* three = compile(fixture, "^/(a)?(b)?(c)(d)?$");
    const Regex* none = compile(fixture, "^/x");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    const auto groups = [&] {
        std::string all;
        for (size_t i = 0; i <= 4; ++i) all += show(subject.capture(i)) + ";";
        return all;
    };
    EXPECT_EQ(three->match(subject, "/ac"), Match::yes);
    EXPECT_EQ(groups(), "/ac;a;(none);c;(none);");
    EXPECT_EQ(three->match(subject, "/bcd"), Match::yes);
    EXPECT_EQ(groups(), "/bcd;(none);b;c;d;");
    EXPECT_EQ(three->match(subject, "/e"), Match::no);
    EXPECT_EQ(none->match(subject, "/y"), Match::no);
    EXPECT_EQ(groups(), "/bcd;(none);b;c;d;") << "what does not match leaves the groups alone";
    EXPECT_EQ(none->match(subject, "/x"), Match::yes);
    EXPECT_EQ(groups(), "/x;(none);(none);(none);(none);") << "as in nginx, one without groups clears them";
}

TEST(Regex, EmptyTexts) {
    Fixture fixture;
    const Regex* empty = compile(fixture, Text{});
    const Regex* star = compile(fixture, "^(x*)$");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(empty->match(subject, Text{}), Match::yes);
    EXPECT_EQ(star->match(subject, Text{}), Match::yes);
    EXPECT_EQ(subject.capture(1), "");
    EXPECT_EQ(star->match(subject, Text("\0", 1)), Match::no);
}

TEST(Regex, IgnoresCaseWhenAsked) {
    Fixture fixture;
    const Regex* exact = compile(fixture, "\\.php$");
    const Regex* any = compile(fixture, "\\.php$", true);
    ASSERT_EQ(fixture.bind(), "");
    EXPECT_EQ(exact->test(Log{}, "/a.PHP"), Match::no);
    EXPECT_EQ(any->test(Log{}, "/a.PHP"), Match::yes);
    EXPECT_EQ(any->test(Log{}, "/aPHP"), Match::no);
}

TEST(Regex, NamedGroupsBecomeVariables) {
    Fixture fixture;
    const Complex value = fixture.compile("$first|$SECOND|$limit");
    const Regex* regex = compile(fixture, "^(?<first>a)?(?P<Second>b)(?'limit'c)?");
    ASSERT_EQ(fixture.bind(), "");
    Case before = fixture.subject();
    EXPECT_EQ(value.evaluate(before), "||");
    EXPECT_EQ(regex->match(before, "ab"), Match::yes);
    EXPECT_EQ(value.evaluate(before), "a|b|") << "values cached as not found are replaced";
    EXPECT_EQ(regex->match(before, "bc"), Match::yes);
    EXPECT_EQ(value.evaluate(before), "|b|c");
    EXPECT_EQ(before.assigned, "") << "as in nginx, a capture passes a setter by";
    EXPECT_EQ(regex->match(before, "x"), Match::no);
    EXPECT_EQ(value.evaluate(before), "|b|c");
}

TEST(Regex, WithoutATableNothingIsAssigned) {
    Fixture fixture;
    Result<const Regex*> made = Regex::compile(fixture.arena, "(?<number>\\d+)", {});
    ASSERT_TRUE(made.ok());
    ASSERT_EQ((*made)->named_groups().size(), 1U);
    EXPECT_EQ((*made)->named_groups()[0].name, "number");
    const Complex value = fixture.compile("$number");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ((*made)->match(subject, "42"), Match::yes);
    EXPECT_EQ(value.evaluate(subject), "7");
    EXPECT_EQ(subject.capture(1), "42");
}

TEST(Regex, MoreGroupsThanUsual) {
    Fixture fixture;
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += i == 199 ? "(?<last>z)" : "(a)";
    const Regex* regex = compile(fixture, pattern);
    const Complex value = fixture.compile("$last");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    const std::string text = std::string(199, 'a') + "z";
    EXPECT_EQ(regex->match(subject, text), Match::yes);
    EXPECT_EQ(value.evaluate(subject), "z");
    EXPECT_EQ(subject.capture(9), "a");
    EXPECT_EQ(show(subject.capture(10)), "(none)");
}

TEST(Regex, MatchesAllocateOnlyOnce) {
    Fixture fixture;
    const Regex* regex = compile(fixture, "^/(\\w+)/(?<rest>.*)$");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(regex->match(subject, "/a/b"), Match::yes);
    const size_t reserved = fixture.request_arena.reserved();
    for (int i = 0; i < 10000; ++i) EXPECT_EQ(regex->match(subject, "/abc/def"), Match::yes);
    EXPECT_EQ(fixture.request_arena.reserved(), reserved);
}

TEST(Regex, EndlessBacktrackingIsStopped) {
    Fixture fixture;
    const Regex* evil = compile(fixture, "^(\\w+\\s?)+!$");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(evil->match(subject, "fine!"), Match::yes);
    // The end is there, or PCRE would not even begin.
    const std::string hostile = std::string(64, 'a') + "?!";
    EXPECT_EQ(evil->match(subject, hostile), Match::failed);
    ASSERT_EQ(fixture.lines.all.size(), 1U);
    EXPECT_TRUE(fixture.lines.all[0].starts_with("error: pcre2_match() failed: -47 on \"aaaa"))
        << fixture.lines.all[0];
    EXPECT_TRUE(fixture.lines.all[0].ends_with("\" using \"^(\\w+\\s?)+!$\"")) << fixture.lines.all[0];
    EXPECT_EQ(subject.capture(0), "fine!");
    EXPECT_EQ(evil->test(subject.log(), hostile), Match::failed);
}

TEST(Regex, TheLimitIsLowerThanPcres) {
    Fixture fixture;
    const Regex* evil = compile(fixture, "^(\\w+\\s?)+!$");
    // About two million steps: PCRE's own limit is ten.
    EXPECT_EQ(evil->test(Log{}, std::string(21, 'a') + "?!"), Match::failed);
    EXPECT_EQ(evil->test(Log{}, std::string(12, 'a') + "?!"), Match::no);
}

TEST(Regex, LongTextsThroughNestedGroups) {
    Fixture fixture;
    const Regex* nested = compile(fixture, "^((a|b)(c|d))*$");
    ASSERT_EQ(fixture.bind(), "");
    std::string longest;
    for (int i = 0; i < 2000; ++i) longest += "ac";
    EXPECT_EQ(nested->test(Log{}, longest), Match::yes) << "the machine's stack alone is too small for it";
}

struct Prefix {
    const char* pattern;
    const char* prefix;
};

constexpr Prefix kPrefixes[] = {
    {"^/api/", "/api/"},
    {"^/api/v\\d+", "/api/v"},
    {"^/a\\.b\\/c$", "/a.b/c"},
    {"^/ab*", "/a"},
    {"^/ab?c", "/a"},
    {"^/ab{0,3}c", "/a"},
    {"^/ab+c", "/ab"},
    {"^/a\\.*", "/a"},
    {"^/(a|b)/", "/"},
    {"^/a(?:b|c)", "/a"},
    {"^/a[|]b", "/a"},
    {"^/a[]|]b", "/a"},
    {"^/a[^]|]b", "/a"},
    {"^/a\\|b", "/a|b"},
    {"^/a(?<n>x|y)(?P<m>z)(?=q|r)", "/a"},
    {"^/a#b c", "/a#b c"},
    {"^", ""},
    {"", ""},
    {"/a", ""},
    {"a^/b", ""},
    {"^/a|^/b", ""},
    {"^/a|b", ""},
    {"^/a(b)|c", ""},
    {"^/a[b]|c", ""},
    {"^/a[\\]]|c", ""},
    {"^/a\\Q(\\E|c", ""},
    {"^/a[\\Q]\\E]|c", ""},
    {"^/a[[:alpha:]]|c", ""},
    {"^/a(?#(\n)|c", ""},
    {"^/a(?x)b#(\n|c", ""},
    {"^/a(?i)B", ""},
    {"(*UTF)^/a", ""},
    {"^/a(*COMMIT)b", ""},
    {"^/\\x41", "/"},
    {"^\\/", "/"},
    {"^.", ""},
    {"^$", ""},
    {"^(a)", ""},
};

TEST(LiteralPrefix, OfPatterns) {
    for (const Prefix& one : kPrefixes) {
        Arena arena;
        EXPECT_EQ(literal_prefix(arena, one.pattern), one.prefix) << one.pattern;
    }
}

/// No text that matches may lack the prefix: short patterns over a hostile alphabet against short texts.
TEST(LiteralPrefix, IsTrueOfWhateverMatches) {
    constexpr Text kAlphabet = "a|()[]?*\\^";
    const std::vector<std::string> texts = {"",  "a", "aa", "|",  "(",  ")",  "[",  "]",
                                            "?", "*", "a|", "|a", "(a", "a)", "\\", "^a"};
    Fixture fixture;
    ASSERT_EQ(fixture.bind(), "");
    constexpr size_t kLength = 5;
    size_t compiled = 0;
    for (size_t number = 0; number < 100000; ++number) {
        std::string pattern = "^";
        for (size_t i = 0, rest = number; i < kLength; ++i, rest /= kAlphabet.size())
            pattern += kAlphabet[rest % kAlphabet.size()];
        Arena arena;
        Result<const Regex*> made = Regex::compile(arena, pattern, {});
        if (!made || (*made)->literal_prefix().empty()) continue;
        ++compiled;
        for (const std::string& text : texts) {
            if ((*made)->test(Log{}, text) != Match::yes) continue;
            ASSERT_TRUE(text.starts_with((*made)->literal_prefix())) << pattern << " matches " << text;
        }
    }
    EXPECT_GT(compiled, 1000U);
}

}  // namespace
}  // namespace sluice::script::test
