// Complex values and predicates as values of directives.
#include <gtest/gtest.h>

#include "core/conf/fixture.h"
#include "core/script/complex_value.h"

namespace sluice::script::test {
namespace {

struct Values {
    conf::Setting<Complex> greeting;
    conf::Setting<Predicates> unless;
};

constexpr std::array kRows{
    conf::directive<&Values::greeting>("greeting", {.where = conf::Context::main}),
    conf::directive<&Values::unless>("unless", {.where = conf::Context::main}),
};

struct Case {
    Case() {
        reading.table.add_type("script", conf::Context::main, conf::Level::main, conf::conf_type<Values>());
        reading.table.add("script", kRows);
        reading.root.scope.variables = &table;
    }
    const Values& values() {
        return *static_cast<const Values*>(reading.parser.object(conf::slot_of<Values>(), reading.root.scope));
    }
    VariableTable table;
    conf::test::Reading reading;
};

TEST(ScriptInConfiguration, Values) {
    Case one;
    EXPECT_EQ(one.reading.read("greeting \"hello $who\";\nunless $a 0;\nunless $b;\n"), "");
    EXPECT_EQ(one.values().greeting->source(), "hello $who");
    EXPECT_EQ(one.values().greeting->parts().size(), 2U);
    EXPECT_EQ(one.values().unless->size(), 3U) << "writing it again adds";
    EXPECT_EQ(one.table.size(), 3U);
}

TEST(ScriptInConfiguration, UnknownNamesHaveAPlace) {
    Case one;
    EXPECT_EQ(one.reading.read("\ngreeting ok;\n  unless 0 $nope;\n"), "");
    EXPECT_FALSE(one.table.bind(one.reading.arena, [](Text) { return false; }).ok());
    EXPECT_EQ(one.table.unknown_at().line, 3U);
    EXPECT_EQ(one.table.unknown_at().column, 12U);
    EXPECT_EQ(one.table.unknown_at().file, one.reading.path());
}

TEST(ScriptInConfiguration, BadSyntaxIsPointedAt) {
    Case one;
    EXPECT_EQ(one.reading.without_folder(one.reading.read("unless $a ${b;\n")),
              "the closing bracket in \"b\" variable is missing in D/nginx.conf:1\n"
              "    1 | unless $a ${b;\n"
              "      |           ^");
    Case other;
    EXPECT_EQ(other.reading.without_folder(other.reading.read("greeting 5$;\n")),
              "invalid variable name in D/nginx.conf:1\n"
              "    1 | greeting 5$;\n"
              "      |          ^");
}

}  // namespace
}  // namespace sluice::script::test
