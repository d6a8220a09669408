// Variables: who may define what anew, unknown names, prefix families, caching, assigning, cycles.
#include "core/script/variable.h"

#include <gtest/gtest.h>

#include "core/script/fixture.h"

namespace sluice::script::test {
namespace {

Text get_warning(Subject&, const void*, Text) {
    return "unset";
}

/// What `set $name` hands to the table.
const Variable kSet{.name = {}, .get = get_warning, .is_weak = true};

std::string define_in_configuration(Fixture& fixture, Text name, const Variable& variable) {
    Result<uint32_t> made = fixture.table.define_changeable(fixture.arena, name, variable);
    return made ? "" : made.error().text;
}

TEST(Variables, DuplicatesAreRefusedInTheCaseTheyWereWritten) {
    Fixture fixture;
    EXPECT_EQ(define_in_configuration(fixture, "Number", kSet), "the duplicate \"Number\" variable");
    EXPECT_EQ(define_in_configuration(fixture, "limit", kSet), "");
    EXPECT_EQ(define_in_configuration(fixture, "mine", kSet), "");
    EXPECT_EQ(define_in_configuration(fixture, "MINE", kSet), "");
    const Variable again{.name = "number", .get = get_warning};
    EXPECT_EQ(fixture.table.define(again).error().text, "the duplicate \"number\" variable");
    const Variable family{.name = "tag_", .get = get_warning, .is_prefix = true};
    EXPECT_EQ(fixture.table.define(family).error().text, "the duplicate \"tag_\" variable");
    const Variable fixed{.name = "mine", .get = get_warning};
    EXPECT_EQ(fixture.table.define(fixed).error().text, "the duplicate \"mine\" variable");
}

TEST(Variables, UnknownNamesAreToldWithTheirPlaceAfterAll) {
    Fixture fixture;
    const conf::Position place{.file = "/etc/x.conf", .line = 12, .column = 5};
    ASSERT_TRUE(Complex::compile(fixture.arena, fixture.table, "$number${Nope}$other", place).ok());
    EXPECT_EQ(fixture.bind(), "unknown \"nope\" variable");
    EXPECT_EQ(fixture.table.unknown_at().line, 12U);
    EXPECT_EQ(fixture.table.unknown_at().file, "/etc/x.conf");
}

TEST(Variables, DefinedBehindTheirUse) {
    Fixture fixture;
    const Complex value = fixture.compile("$later");
    const Complex constant(Text("made"));
    ASSERT_EQ(define_in_configuration(fixture, "later", {.name = {}, .get = get_complex, .datum = &constant}), "");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(show(value.evaluate(subject)), "made");
}

TEST(Variables, AModuleIsLoadedForAnUnknownName) {
    Fixture fixture;
    const Complex value = fixture.compile("$number$loaded$extra_x");
    const Complex constant(Text("L"));
    std::vector<std::string> asked;
    const auto load = [&](Text name) {
        asked.emplace_back(name);
        if (name != "loaded") return false;
        // Loading may read a default with variables of its own.
        static_cast<void>(fixture.compile("$fresh"));
        return fixture.table.define({.name = "loaded", .get = get_complex, .datum = &constant}).ok() &&
               fixture.table.define({.name = "extra_", .get = get_complex, .datum = &constant, .is_prefix = true})
                   .ok();
    };
    ASSERT_TRUE(fixture.table.bind(fixture.arena, load).ok());
    EXPECT_EQ(asked, std::vector<std::string>{"loaded"});
    Case subject = fixture.subject();
    EXPECT_EQ(show(value.evaluate(subject)), "7LL");
}

TEST(Variables, LoadThatDefinesNothingIsAnError) {
    Fixture fixture;
    static_cast<void>(fixture.compile("$nope"));
    EXPECT_EQ(fixture.table.bind(fixture.arena, [](Text) { return true; }).error().text, "unknown \"nope\" variable");
}

TEST(Variables, SetDoesNotHideAPrefixFamily) {
    Fixture fixture;
    const uint32_t assigned = *fixture.table.define_changeable(fixture.arena, "tag_x", kSet);
    const Complex value = fixture.compile("$tag_x");
    ASSERT_EQ(fixture.bind(), "");
    Case untouched = fixture.subject();
    EXPECT_EQ(show(value.evaluate(untouched)), "<t:x>x");
    Case changed = fixture.subject();
    changed.assign(assigned, "mine");
    EXPECT_EQ(show(value.evaluate(changed)), "mine");
}

TEST(Variables, AMapHidesAPrefixFamily) {
    Fixture fixture;
    const Complex constant(Text("mapped"));
    ASSERT_EQ(define_in_configuration(fixture, "tag_x", kSet), "");
    ASSERT_EQ(define_in_configuration(fixture, "tag_x", {.name = {}, .get = get_complex, .datum = &constant}), "");
    ASSERT_EQ(define_in_configuration(fixture, "tag_x", kSet), "");
    const Complex value = fixture.compile("$tag_x");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(show(value.evaluate(subject)), "mapped");
}

TEST(Variables, SetMeetsASetterEvenWhenItsModuleComesLater) {
    for (const bool comes_later : {false, true}) {
        Fixture fixture;
        const Text name = comes_later ? "late" : "limit";
        const uint32_t number = *fixture.table.define_changeable(fixture.arena, name, kSet);
        Variable late = *fixture.table.find("limit");
        late.name = "late";
        late.datum = "late";
        ASSERT_TRUE(fixture.table.define(late).ok());
        ASSERT_EQ(fixture.bind(), "");
        Case subject = fixture.subject();
        subject.assign(number, "5");
        EXPECT_EQ(subject.assigned, std::string(name) + "=5");
        EXPECT_EQ(show(subject.variable(number)), "7") << "the definer answers, not what was assigned";
    }
}

TEST(Variables, AMapKeepsTheSetterAndItsDatum) {
    Fixture fixture;
    const Complex constant(Text("mapped"));
    const Variable map{.name = {}, .get = get_complex, .datum = &constant};
    const uint32_t number = *fixture.table.define_changeable(fixture.arena, "limit", map);
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(show(subject.variable(number)), "mapped");
    subject.assign(number, "5");
    EXPECT_EQ(subject.assigned, "limit=5");
}

TEST(Variables, CacheableOnesAreAskedOnce) {
    Fixture fixture;
    const Complex cached = fixture.compile("$number$number$absent$absent");
    const Complex fresh = fixture.compile("$fresh$fresh");
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(cached.evaluate(subject), "77");
    EXPECT_EQ(cached.evaluate(subject), "77");
    EXPECT_EQ(subject.asked, 2) << "one for $number, one for $absent";
    subject.asked = 0;
    EXPECT_EQ(fresh.evaluate(subject), "77");
    EXPECT_EQ(subject.asked, 2);
}

TEST(Variables, NothingIsAllocatedBeforeTheFirstQuestion) {
    Fixture fixture;
    static_cast<void>(fixture.compile("$number"));
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(fixture.request_arena.reserved(), 0U);
    EXPECT_EQ(show(subject.capture(1)), "(none)");
}

TEST(Variables, AssignedValuesStay) {
    Fixture fixture;
    const uint32_t mine = *fixture.table.define_changeable(fixture.arena, "mine", kSet);
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(show(subject.variable(mine)), "unset");
    subject.assign(mine, "one");
    EXPECT_EQ(show(subject.variable(mine)), "one");
    subject.assign(mine, Text(""));
    EXPECT_EQ(show(subject.variable(mine)), "");
    subject.assign(mine, {});
    EXPECT_EQ(show(subject.variable(mine)), "(none)");
}

TEST(Variables, ASubrequestSharesValues) {
    Fixture fixture;
    const uint32_t mine = *fixture.table.define_changeable(fixture.arena, "mine", kSet);
    ASSERT_EQ(fixture.bind(), "");
    Case main = fixture.subject();
    Case inner(fixture.request_arena, fixture.table, main);
    inner.assign(mine, "inner");
    EXPECT_EQ(show(main.variable(mine)), "inner");
    main.assign(mine, "main");
    EXPECT_EQ(show(inner.variable(mine)), "main");
}

TEST(Variables, ByName) {
    Fixture fixture;
    static_cast<void>(fixture.compile("$number"));
    ASSERT_EQ(fixture.bind(), "");
    Case subject = fixture.subject();
    EXPECT_EQ(show(subject.variable_by_name("NUMBER")), "7");
    EXPECT_EQ(show(subject.variable_by_name("number")), "7");
    EXPECT_EQ(subject.asked, 1) << "an indexed one is cached";
    EXPECT_EQ(show(subject.variable_by_name("fresh")), "7");
    EXPECT_EQ(show(subject.variable_by_name("Tag_Long_B")), "<l:b>b");
    EXPECT_EQ(show(subject.variable_by_name("nope")), "(none)");
    EXPECT_EQ(show(subject.variable_by_name("")), "(none)");
}

TEST(Variables, ACycleEndsWithNginxsLine) {
    for (const bool is_cacheable : {true, false}) {
        Fixture fixture;
        // Branching twice at each turn, it would take 2^100 steps if only depth stopped it.
        const Complex body = fixture.compile("x$Round$round");
        const Variable map{.name = {}, .get = get_complex, .datum = &body, .is_cacheable = is_cacheable};
        const uint32_t round = *fixture.table.define_changeable(fixture.arena, "round", map);
        ASSERT_EQ(fixture.bind(), "");
        Case subject = fixture.subject();
        EXPECT_EQ(show(subject.variable(round)), "x");
        ASSERT_EQ(fixture.lines.all.size(), 2U);
        EXPECT_EQ(fixture.lines.all[0], "error: cycle while evaluating variable \"round\"");
        fixture.lines.all.clear();
        EXPECT_EQ(show(subject.variable(round)), "x");
        EXPECT_EQ(fixture.lines.all.empty(), is_cacheable);
    }
}

TEST(Variables, AChainAsDeepAsNginxAllows) {
    for (const bool is_too_deep : {false, true}) {
        Fixture fixture;
        const int links = Subject::kDeepest - 1 + (is_too_deep ? 1 : 0);
        std::vector<Complex> bodies;
        bodies.reserve(static_cast<size_t>(links));
        Text next = "number";
        uint32_t first = 0;
        for (int i = 0; i < links; ++i) {
            bodies.push_back(fixture.compile(fixture.arena.concat("$", next)));
            next = fixture.arena.copy("link" + std::to_string(i));
            const Variable link{.name = {}, .get = get_complex, .datum = &bodies.back()};
            first = *fixture.table.define_changeable(fixture.arena, next, link);
        }
        ASSERT_EQ(fixture.bind(), "");
        Case subject = fixture.subject();
        EXPECT_EQ(show(subject.variable(first)), is_too_deep ? "(none)" : "7");
        EXPECT_EQ(fixture.lines.all.size(), is_too_deep ? 1U : 0U);
        Case again = fixture.subject();
        again.number = "8";
        EXPECT_EQ(show(again.variable_by_name("fresh")), "8") << "the depth was not given back";
    }
}

}  // namespace
}  // namespace sluice::script::test
