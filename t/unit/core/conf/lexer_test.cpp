// Words, escapes, ends and positions.
#include "core/conf/lexer.h"

#include <gtest/gtest.h>

namespace sluice::conf {
namespace {

/// Statements as "word|word;" "word{" "}", or "!message".
std::string cut(Text text, Lexer::Kind kind = Lexer::Kind::file) {
    Arena arena;
    Lexer lexer(arena, "f", text, kind);
    std::vector<Token> words;
    std::string out;
    for (;;) {
        Result<Ending> ending = lexer.next(words);
        if (!ending) return out + "!" + ending.error().text;
        for (size_t i = 0; i < words.size(); ++i) out.append(i == 0 ? "" : "|").append(words[i].text);
        switch (*ending) {
            case Ending::semicolon: out += ';'; break;
            case Ending::block_open: out += '{'; break;
            case Ending::block_close: out += '}'; break;
            case Ending::end_of_text: return out;
        }
    }
}

struct Case {
    const char* text;
    const char* cut;
};

constexpr Case kCases[] = {
    {"", ""},
    {" \t\r\n", ""},
    {"a;", "a;"},
    {"a b c;", "a|b|c;"},
    {"a\tb\rc\nd;", "a|b|c|d;"},
    {"a{b;}", "a{b;}"},
    {"a {}", "a{}"},
    {"a b{c d{}}", "a|b{c|d{}}"},
    {"# x;\na;", "a;"},
    {"a #x;\nb;", "a|b;"},
    {"a#b;", "a#b;"},
    {"a b#;\n;", "a|b#;!unexpected \";\""},
    {"\"a\" 'b';", "a|b;"},
    {"'' \"\";", "|;"},
    {"\"a b;{}#\" c;", "a b;{}#|c;"},
    {"'a\"b' \"a'b\";", "a\"b|a'b;"},
    {"a\"b c;", "a\"b|c;"},
    {"a'b' c;", "a'b'|c;"},
    {"\"a\\\"b\";", "a\"b;"},
    {"'a\\'b';", "a'b;"},
    {"\"a\\\\\";", "a\\;"},
    {"a\\\\;", "a\\;"},
    {"a\\\\\\;b;", "a\\\\;b;"},
    {"a\\ b;", "a\\ b;"},
    {"a\\;b;", "a\\;b;"},
    {"a\\{b;", "a\\{b;"},
    {"a\\tb\\rc\\nd;", "a\tb\rc\nd;"},
    {"\"a\\tb\";", "a\tb;"},
    {"a\\.b\\d\\$;", "a\\.b\\d\\$;"},
    {"\\a;", "\\a;"},
    {"\\;a;", "\\;a;"},
    {"\\\"a\\\";", "\"a\";"},
    {"\\#a;", "\\#a;"},
    {"${a} ${b}c d${e}f;", "${a}|${b}c|d${e}f;"},
    {"$a{", "$a{"},
    {"${{a;", "${{a;"},
    {"$$\\{a;", "$$\\{a;"},
    {"$\\{a {", "$\\{a{"},
    {"~ \\.php$ {", "~|\\.php${"},
    {"~ \\.php${", "!unexpected end of file, expecting \";\" or \"}\""},
    {"if ($a = \"b\") {", "if|($a|=|b|){"},
    {"if ($a = \"b\"){", "if|($a|=|b|){"},
    {"if (\"a\" = 'b' ) {", "if|(\"a\"|=|b|){"},
    {"a \"b\");", "a|b|);"},
    {"a \"b\")c;", "a|b|)c;"},
    {"a}b;", "a}b;"},
    {"a b};", "a|b};"},
    {"a }", "!unexpected \"}\""},
    {"a; }", "a;}"},
    {";", "!unexpected \";\""},
    {"a;;", "a;!unexpected \";\""},
    {"{", "!unexpected \"{\""},
    {"a;{", "a;!unexpected \"{\""},
    {"\"a\"b;", "!unexpected \"b\""},
    {"\"a\"\"b\";", "!unexpected \"\"\""},
    {"\"a\"\\;", "!unexpected \"\\\""},
    {"\"a\"}", "!unexpected \"}\""},
    {"a", "!unexpected end of file, expecting \";\" or \"}\""},
    {"a ", "!unexpected end of file, expecting \";\" or \"}\""},
    {"a\\", "!unexpected end of file, expecting \";\" or \"}\""},
    {"a\\;", "!unexpected end of file, expecting \";\" or \"}\""},
    {"\"a", "!unexpected end of file, expecting \";\" or \"}\""},
    {"\"a\\\"", "!unexpected end of file, expecting \";\" or \"}\""},
    {"\"a\"", "!unexpected end of file, expecting \";\" or \"}\""},
    {"'a\";", "!unexpected end of file, expecting \";\" or \"}\""},
    {"a #;", "!unexpected end of file, expecting \";\" or \"}\""},
};

TEST(Lexer, CutsStatements) {
    for (const Case& one : kCases) EXPECT_EQ(cut(one.text), one.cut) << one.text;
}

/// What was complete before the cut comes out the same however the text goes on; a cut word is never half a success.
TEST(Lexer, EveryPrefixYieldsThePrefixOfTheStatements) {
    for (const Case& one : kCases) {
        const Text text = one.text;
        const std::string whole = cut(text);
        for (size_t length = 0; length < text.size(); ++length) {
            const std::string part = cut(text.substr(0, length));
            const std::string complete = part.substr(0, part.find('!'));
            const bool is_prefix = whole.starts_with(complete);
            EXPECT_TRUE(is_prefix) << text.substr(0, length) << " gave " << part;
        }
    }
}

TEST(Lexer, LimitsTheLengthOfAWordInAFile) {
    const auto word = [](size_t length) { return std::string(length, 'x'); };
    EXPECT_EQ(cut(word(4095) + ";"), word(4095) + ";");
    EXPECT_EQ(cut(word(4096) + ";"), "!too long parameter \"xxxxxxxxxx...\" started");
    EXPECT_EQ(cut("\"" + word(4095) + "\";"), word(4095) + ";");
    EXPECT_EQ(cut("\"" + word(4096) + "\";"), "!too long parameter, probably missing terminating \"\"\" character");
    EXPECT_EQ(cut("'" + word(5000) + "';"), "!too long parameter, probably missing terminating \"'\" character");
    EXPECT_EQ(cut(word(5000) + ";", Lexer::Kind::option), word(5000) + ";");
    // nginx gives up on a long comment; nobody relies on that.
    EXPECT_EQ(cut("#" + word(10000) + "\na;"), "a;");
}

TEST(Lexer, KnowsWhereWordsStand) {
    Arena arena;
    Lexer lexer(arena, "file", "\n  a \"b\nc\"\n\td ;", Lexer::Kind::file);
    std::vector<Token> words;
    ASSERT_TRUE(lexer.next(words));
    ASSERT_EQ(words.size(), 3U);
    EXPECT_EQ(words[0].at.line, 2U);
    EXPECT_EQ(words[0].at.column, 3U);
    EXPECT_EQ(words[0].at.file, "file");
    EXPECT_EQ(words[1].at.line, 2U);
    EXPECT_EQ(words[1].at.column, 5U);
    EXPECT_TRUE(words[1].is_quoted);
    EXPECT_EQ(words[2].at.line, 4U);
    EXPECT_EQ(words[2].at.column, 2U);
    EXPECT_FALSE(words[2].is_quoted);
    EXPECT_EQ(lexer.line(), 4U);
}

TEST(Lexer, PointsAtTheQuoteThatIsNotClosed) {
    Arena arena;
    Lexer lexer(arena, "file", "a;\nb \"c;\n\n", Lexer::Kind::file);
    std::vector<Token> words;
    ASSERT_TRUE(lexer.next(words));
    ASSERT_FALSE(lexer.next(words));
    EXPECT_TRUE(lexer.is_in_quotes());
    EXPECT_EQ(lexer.failed_at().line, 2U);
    EXPECT_EQ(lexer.failed_at().column, 3U);
    EXPECT_EQ(lexer.line(), 4U);
}

TEST(Lexer, WordsWithoutEscapesAreNotCopied) {
    Arena arena;
    constexpr Text kText = "plain;";
    Lexer lexer(arena, "file", kText, Lexer::Kind::file);
    std::vector<Token> words;
    ASSERT_TRUE(lexer.next(words));
    EXPECT_EQ(static_cast<const void*>(words[0].text.data()), static_cast<const void*>(kText.data()));
}

TEST(Lexer, NulIsAByteLikeAnyOther) {
    EXPECT_EQ(cut(Text("a\0b;", 4)), std::string("a\0b;", 4));
}

}  // namespace
}  // namespace sluice::conf
