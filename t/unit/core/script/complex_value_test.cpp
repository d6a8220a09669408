// Complex values: what they split into, what they evaluate to, and nginx's words for bad ones.
#include "core/script/complex_value.h"

#include <gtest/gtest.h>

#include "core/script/fixture.h"

namespace sluice::script::test {
namespace {

struct Bad {
    const char* source;
    const char* error;
};

/// Observed of nginx 1.22, which adds " in FILE:LINE".
constexpr Bad kBad[] = {
    {"$", "invalid variable name"},
    {"a$", "invalid variable name"},
    {"a$ b", "invalid variable name"},
    {"$$number", "invalid variable name"},
    {"${", "invalid variable name"},
    {"a${", "invalid variable name"},
    {"${}", "invalid variable name"},
    {"${number", "the closing bracket in \"number\" variable is missing"},
    {"${num-ber}", "the closing bracket in \"num\" variable is missing"},
    {"${-x}", "the closing bracket in \"\" variable is missing"},
    {"${-x", "the closing bracket in \"\" variable is missing"},
    {"$number $", "invalid variable name"},
};

TEST(ComplexValue, BadSyntaxIsWordedAsNginxWordsIt) {
    for (const Bad& bad : kBad) {
        Fixture fixture;
        Result<Complex> compiled = Complex::compile(fixture.arena, fixture.table, bad.source);
        ASSERT_FALSE(compiled.ok()) << bad.source;
        EXPECT_EQ(compiled.error().text, bad.error) << bad.source;
    }
}

struct Good {
    const char* source;
    const char* value;
};

constexpr Good kGood[] = {
    {"", ""},
    {"plain", "plain"},
    {"}{", "}{"},
    {"$number", "7"},
    {"${number}", "7"},
    {"$NumBer", "7"},
    {"a${number}b", "a7b"},
    {"$number-$number", "7-7"},
    {"${number}5${number}", "757"},
    {"$absent", "(none)"},
    {"$absent$empty", ""},
    {"<$absent>", "<>"},
    {"$empty", ""},
    {"$tag_a.$tag_long_b", "<t:a>a.<l:b>b"},
    {"$Tag_A", "<t:a>a"},
    {"$tag_", "<t:>"},
    {"$1|$2|$3|$4", "one||three|"},
    {"$10", "one0"},
    {"$4", "(none)"},
};

TEST(ComplexValue, Evaluates) {
    for (const Good& good : kGood) {
        Fixture fixture;
        const Complex value = fixture.compile(good.source);
        ASSERT_EQ(fixture.bind(), "") << good.source;
        Case subject = fixture.subject();
        constexpr size_t kNone = SIZE_MAX;
        constexpr size_t kOffsets[] = {0, 9, 0, 3, kNone, kNone, 4, 9};
        subject.set_captures("one three", kOffsets);
        EXPECT_EQ(show(value.evaluate(subject)), good.value) << good.source;
    }
}

TEST(ComplexValue, ConstantsTouchNothing) {
    Fixture fixture;
    const Complex value = fixture.compile("constant {}");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_TRUE(value.is_constant());
    EXPECT_EQ(value.evaluate(subject).data(), value.source().data());
    EXPECT_EQ(fixture.request_arena.reserved(), 0U);
    EXPECT_EQ(show(Complex(Text("")).evaluate(subject)), "");
}

TEST(ComplexValue, MoreVariablesThanFitOnTheStack) {
    Fixture fixture;
    std::string source;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        source += "$number,$fresh;";
        expected += "7,7;";
    }
    const Complex value = fixture.compile(source);
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(value.evaluate(subject), expected);
    EXPECT_EQ(subject.asked, 101);
}

TEST(ComplexValue, PartsTellHowItIsPutTogether) {
    Fixture fixture;
    const Complex value = fixture.compile("a$1${number}b");
    ASSERT_EQ(value.parts().size(), 4U);
    EXPECT_EQ(value.parts()[0].text, "a");
    EXPECT_EQ(value.parts()[1].kind, Complex::Kind::capture);
    EXPECT_EQ(value.parts()[1].number, 1U);
    EXPECT_EQ(value.parts()[2].kind, Complex::Kind::variable);
    EXPECT_EQ(fixture.table.name(value.parts()[2].number), "number");
    EXPECT_EQ(value.parts()[3].text, "b");
}

TEST(Predicates, OneTrueConditionIsEnough) {
    Fixture fixture;
    Predicates none;
    Predicates falses;
    Predicates mixed;
    for (const Text source : {"", "0", "$absent", "$empty", "$absent$empty"})
        falses.append(fixture.arena, fixture.compile(source));
    for (const Text source : {"$absent", "00", "$fresh"}) mixed.append(fixture.arena, fixture.compile(source));
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_FALSE(none.any(subject));
    EXPECT_FALSE(falses.any(subject));
    subject.asked = 0;
    EXPECT_TRUE(mixed.any(subject));
    EXPECT_EQ(subject.asked, 0) << "a condition behind a true one was evaluated";
}

}  // namespace
}  // namespace sluice::script::test
