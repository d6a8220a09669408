// Inheritance through http → server → location → if: who shares, who takes over, who gets a default.
#include <gtest/gtest.h>

#include "core/conf/prefix.h"
#include "fixture.h"

namespace sluice::conf::test {
namespace {

const Location& location(const Block* block) {
    return *static_cast<const Location*>(block->location.find(slot_of<Location>()));
}
const Server& server(const Block* block) {
    return *static_cast<const Server*>(block->server.find(slot_of<Server>()));
}

TEST(Inherit, ValuesReachInnerBlocksWhateverTheOrder) {
    Reading reading;
    ASSERT_EQ(reading.read("http { server { sendfile on; location / { } location /a { sendfile off; } } root r; }"),
              "");
    const Block* outer = reading.http->inner[0];
    const Location& inner = location(outer->inner[0]);
    EXPECT_TRUE(*inner.sendfile);
    EXPECT_EQ(inner.sendfile.origin, Origin::inherited);
    EXPECT_EQ(*inner.root, "r");
    EXPECT_FALSE(*location(outer->inner[1]).sendfile);
    EXPECT_EQ(location(outer->inner[1]).sendfile.origin, Origin::here);
    EXPECT_FALSE(*location(reading.http).sendfile);
    EXPECT_EQ(location(reading.http).sendfile.origin, Origin::initial);
}

TEST(Inherit, DefaultsAreParsedLikeUserInput) {
    Reading reading;
    ASSERT_EQ(reading.read("http { server { location / {} } }"), "");
    const Location& inner = location(reading.http->inner[0]->inner[0]);
    EXPECT_EQ(*inner.root, "html");
    EXPECT_EQ(*inner.requests, 1000U);
    EXPECT_EQ(*inner.tiny, 3);
    EXPECT_EQ(*inner.level, -5);
    EXPECT_EQ(inner.body_buffer->count, 16384);
    EXPECT_EQ(inner.body_timeout->count, 60000);
    EXPECT_EQ(inner.buffers->number, 2U);
    EXPECT_EQ(inner.buffers->size.count, 32768);
    EXPECT_EQ(*inner.since, Since::exact);
    EXPECT_TRUE(inner.tries->has(Try::error));
    EXPECT_TRUE(inner.tries->has(Try::timeout));
    EXPECT_FALSE(inner.tries->has(Try::http_500));
    EXPECT_EQ(inner.freshness.origin, Origin::unset);
    EXPECT_FALSE(inner.root.is_set());
    const auto& main = *static_cast<Main*>(reading.root.main.find(slot_of<Main>()));
    EXPECT_TRUE(*main.daemon);
    EXPECT_EQ(main.completed, 1);
}

TEST(Inherit, BlocksThatSayNothingShareTheObject) {
    Reading reading;
    ASSERT_EQ(reading.read(
                  "http { server { location / { root a; location /a {} location /b { sendfile on; } } } server {} }"),
              "");
    const Block* outer = reading.http->inner[0]->inner[0];
    EXPECT_EQ(&location(outer->inner[0]), &location(outer));
    EXPECT_NE(&location(outer->inner[1]), &location(outer));
    EXPECT_EQ(location(outer->inner[1]).enclosing, &location(outer));
    EXPECT_EQ(&server(reading.http->inner[1]), &server(reading.http));
    EXPECT_EQ(location(outer).completed, 1);
    EXPECT_EQ(location(outer->inner[1]).completed, 1);
}

TEST(Inherit, AnActionKeepsItsObjectFromBeingShared) {
    Reading reading;
    ASSERT_EQ(reading.read("http { server { location /b { bare 1; location /c {} } } }"), "");
    const Block* outer = reading.http->inner[0]->inner[0];
    EXPECT_NE(&location(outer->inner[0]), &location(outer));
    EXPECT_EQ(*location(outer->inner[0]).bare, 1U);
    EXPECT_EQ(location(outer->inner[0]).bare.origin, Origin::inherited);
}

/// 77 is what the fixture's hook refuses.
TEST(Inherit, WhatTheOutermostBlockSaysIsJudgedWhereItIsTakenOver) {
    for (const char* conf :
         {"http { tiny 77; }", "http { tiny 77; server { tiny 5; } server { tiny 6; location / { } } }"}) {
        Reading reading;
        EXPECT_EQ(reading.read(conf), "") << conf;
    }
    for (const char* conf :
         {"http { tiny 77; server { } }", "http { tiny 77; server { tiny 5; } server { root r; } }",
          "http { server { tiny 77; } }", "http { server { tiny 77; location / { tiny 5; } } }"}) {
        Reading reading;
        const std::string error = reading.read(conf);
        EXPECT_TRUE(error.starts_with("seventy-seven is not a good number in ")) << conf << ": " << error;
    }
}

TEST(Inherit, HandlersReachOnlyUnnamedBlocks) {
    Reading reading;
    ASSERT_EQ(reading.read("http { server { location / { pass x; root r; if (a) { sendfile on; } if (b) {}"
                           " location /in { } location /own { pass y; } } } }"),
              "");
    const Block* outer = reading.http->inner[0]->inner[0];
    EXPECT_EQ(*location(outer->inner[0]).pass, "x");
    EXPECT_EQ(*location(outer->inner[1]).pass, "x");
    EXPECT_EQ(location(outer->inner[2]).pass.origin, Origin::unset);
    EXPECT_EQ(*location(outer->inner[2]).root, "r");
    EXPECT_EQ(*location(outer->inner[3]).pass, "y");
}

TEST(Inherit, WhatIsNeverInheritedGetsItsDefaultInEachBlockThatMayHaveIt) {
    Reading reading;
    ASSERT_EQ(reading.read("http { server { location / { own x; location /a {} } } }"), "");
    EXPECT_EQ(location(reading.http).own.origin, Origin::unset);
    const Block* outer = reading.http->inner[0]->inner[0];
    EXPECT_EQ(*location(outer).own, "x");
    EXPECT_EQ(*location(outer->inner[0]).own, "mine");
    EXPECT_EQ(location(outer->inner[0]).own.origin, Origin::initial);
}

TEST(Inherit, ListsAreReplacedNotExtended) {
    Reading reading;
    ASSERT_EQ(reading.read("http { proxy_headers a; proxy_headers b; server { location /1 { root x; }"
                           " location /2 { proxy_headers c; } } }"),
              "");
    const auto list = [](const Location& one) {
        std::string all;
        for (Text text : *one.headers) all.append(text).append(" ");
        return all;
    };
    EXPECT_EQ(list(location(reading.http->inner[0]->inner[0])), "a b ");
    EXPECT_EQ(list(location(reading.http->inner[0]->inner[1])), "c ");
}

TEST(Inherit, FlagsAddUpWithinABlock) {
    Reading reading;
    ASSERT_EQ(reading.read("http { proxy_next_upstream http_500; proxy_next_upstream off; }"), "");
    EXPECT_EQ(location(reading.http).tries->bits, 0b1100U);
}

TEST(Inherit, EntriesKeepTheirOrderAndReadIncludes) {
    Reading reading;
    reading.write("more.inc", "x y z;\n'q r' s;");
    ASSERT_EQ(reading.read("http { types { a b; include more.inc; \"c;d\" e; } root x; }"), "");
    EXPECT_EQ(reading.types.seen, (std::vector<std::string>{"a|b", "x|y|z", "q r|s", "c;d|e"}));
    EXPECT_EQ(*location(reading.http).root, "x");
}

// --- a module that appears while the configuration is read ---

struct LateConf {
    Setting<uint32_t> value;
    int completed = 0;
};

Result<void> complete_late(Parser&, LateConf& conf, const LateConf*) {
    ++conf.completed;
    return {};
}

constexpr std::array kLateRows{
    directive<&LateConf::value>("late", {.where = Context::http | Context::http_location, .initial = "7"}),
};

void load_late() {
    reading->table.add_type("late", Context::http, Level::location, conf_type<LateConf, complete_late>());
    reading->table.add("late", kLateRows);
}

TEST(Inherit, AModuleLoadedAfterHttpWasReadFindsItsPlace) {
    Reading reading;
    reading.table.on_late = load_late;  // while main is settled, long after http is done
    ASSERT_EQ(reading.read("http { server { location / { root x; } } }"), "");
    const Slot& slot = slot_of<LateConf>();
    const auto* in_http = static_cast<LateConf*>(reading.http->location.find(slot));
    ASSERT_NE(in_http, nullptr);
    EXPECT_EQ(*in_http->value, 7U);
    EXPECT_EQ(in_http->completed, 1);
    EXPECT_EQ(reading.http->inner[0]->inner[0]->location.find(slot), in_http);
}

// --- a default that is wrong ---

struct BrokenConf {
    Setting<uint32_t> value;
};
constexpr std::array kBrokenRows{
    directive<&BrokenConf::value>("broken", {.where = Context::http, .initial = "many"})};

class Capture final : public LogRoute {
 public:
    Capture() { threshold_ = LogLevel::debug; }
    void emit(LogLevel level, Text line) const override {
        lines.append(log_level_name(level)).append(" ").append(line);
    }
    mutable std::string lines;
};

TEST(Inherit, AWrongDefaultIsOurDefect) {
    Capture capture;
    Reading reading;
    reading.environment.log = Log(&capture);
    reading.table.add_type("bad", Context::http, Level::location, conf_type<BrokenConf>());
    reading.table.add("bad", kBrokenRows);
    const std::string error = reading.read("http {\n}");
    EXPECT_EQ(reading.without_folder(error.substr(0, error.find('\n'))),
              "invalid default of \"broken\" in module \"bad\" in D/nginx.conf:2");
    EXPECT_NE(capture.lines.find("alert"), std::string::npos) << capture.lines;
}

// --- families of names ---

struct FamilyBase {
    Setting<Msec> timeout;
};
struct FamilyConf : FamilyBase {
    Setting<bool> extra;
};

template <class C, FixedText P>
constexpr std::array kFamilyRows{
    directive<&C::timeout, C>(joined<P, "timeout">, {.where = Context::http, .initial = "60s"}),
    directive<&C::extra, C>(joined<P, "extra">, {.where = Context::http}),
};

TEST(Prefix, OneTableNamesAFamily) {
    constexpr auto& kProxy = kFamilyRows<FamilyConf, "proxy_">;
    constexpr auto& kGrpc = kFamilyRows<FamilyConf, "grpc_">;
    static_assert(kProxy[0].name == "proxy_timeout");
    static_assert(kGrpc[1].name == "grpc_extra");
    EXPECT_EQ(kProxy[0].slot(), &slot_of<FamilyConf>());
    FamilyConf conf;
    EXPECT_EQ(kProxy[0].origin(&conf), &conf.timeout.origin);
}

}  // namespace
}  // namespace sluice::conf::test
