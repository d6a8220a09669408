// Conditions of `if` as they are read; the words of errors are nginx's.
#include "http_rewrite/condition.h"

#include <gtest/gtest.h>

#include "core/conf/fixture.h"

namespace sluice::rewrite {
namespace {

using Kind = Condition::Kind;

struct Conditions {
    std::vector<Condition> all;
};

Result<void> parse_when(conf::Parser& parser, Conditions& conditions, conf::Arguments words) {
    Result<Condition> condition = parse_condition(parser, words);
    if (!condition) return condition.error();
    conditions.all.push_back(*condition);
    return {};
}

constexpr std::array kRows{
    conf::action<Conditions, parse_when>("when", {.where = conf::Context::main, .arity = {0, conf::Arity::kMany}}),
};

struct Case {
    Case() {
        reading.table.add_type("rewrite", conf::Context::main, conf::Level::main, conf::conf_type<Conditions>());
        reading.table.add("rewrite", kRows);
        reading.root.scope.variables = &table;
    }
    /// The first line of the error without its place; "" when there is none.
    std::string read(const std::string& words) {
        const std::string text = reading.read("when " + words + ";\n");
        return text.substr(0, text.find(" in " + reading.folder()));
    }
    const Condition& last() {
        return static_cast<const Conditions*>(reading.parser.object(conf::slot_of<Conditions>(), reading.root.scope))
            ->all.back();
    }
    script::VariableTable table;
    conf::test::Reading reading;
};

std::string describe(const std::string& words) {
    Case one;
    const std::string error = one.read(words);
    if (!error.empty()) return error;
    constexpr std::array kNames{"true", "equals", "matches", "file", "directory", "exists", "executable"};
    const Condition& made = one.last();
    std::string text = made.is_negated ? "not " : "";
    text += kNames[static_cast<size_t>(made.kind)];
    const bool has_variable = made.kind == Kind::is_true || made.kind == Kind::equals || made.kind == Kind::matches;
    if (has_variable) text += " $" + std::string(one.table.name(made.variable));
    if (made.regex != nullptr)
        text += std::string(made.regex->ignores_case() ? " ~* " : " ~ ") + std::string(made.regex->pattern());
    if (made.kind != Kind::is_true && made.kind != Kind::matches)
        text += " [" + std::string(made.value.source()) + "]";
    return text;
}

TEST(RewriteCondition, Good) {
    EXPECT_EQ(describe("($a)"), "true $a");
    EXPECT_EQ(describe("( $a )"), "true $a");
    EXPECT_EQ(describe("($a = b)"), "equals $a [b]");
    EXPECT_EQ(describe("( $a != \"b c\" )"), "not equals $a [b c]");
    EXPECT_EQ(describe("($a = \"\")"), "equals $a []");
    EXPECT_EQ(describe("($a = \"\" )"), "equals $a []");
    EXPECT_EQ(describe("($a = $b-$c)"), "equals $a [$b-$c]");
    EXPECT_EQ(describe("($a ~ ^x(y)$)"), "matches $a ~ ^x(y)$");
    EXPECT_EQ(describe("($a ~* \"x)\" )"),
              "pcre2_compile() failed: unmatched closing parenthesis in \"x)\" at \")\"");
    EXPECT_EQ(describe("($a ~* x)"), "matches $a ~* x");
    EXPECT_EQ(describe("($a !~ x)"), "not matches $a ~ x");
    EXPECT_EQ(describe("($a !~* x )"), "not matches $a ~* x");
}

TEST(RewriteCondition, Files) {
    EXPECT_EQ(describe("(-f $a)"), "file [$a]");
    EXPECT_EQ(describe("(!-f /x)"), "not file [/x]");
    EXPECT_EQ(describe("( -d $a )"), "directory [$a]");
    EXPECT_EQ(describe("(-e $a)"), "exists [$a]");
    EXPECT_EQ(describe("(!-x $a)"), "not executable [$a]");
}

TEST(RewriteCondition, Mistakes) {
    EXPECT_EQ(describe("$a"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a =)"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a = )"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a ~ )"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a = b c)"), "invalid condition \"$a\"");
    EXPECT_EQ(describe("($a == b)"), "unexpected \"==\" in condition");
    EXPECT_EQ(describe("(a = b)"), "invalid condition \"a\"");
    EXPECT_EQ(describe("($)"), "invalid condition \"$\"");
    EXPECT_EQ(describe("(-f)"), "invalid condition \"-f\"");
    EXPECT_EQ(describe("(-z $a)"), "invalid condition \"-z\"");
    EXPECT_EQ(describe("(!$a)"), "invalid condition \"!$a\"");
}

}  // namespace
}  // namespace sluice::rewrite
