// The words of `expires` and what follows from them.
#include "http_headers/expires.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace sluice::headers {
namespace {

using Kind = Lifetime::Kind;
constexpr Seconds kUnknown{-1};

TEST(ParseLifetime, Words) {
    EXPECT_EQ(parse_lifetime("epoch", false)->kind, Kind::epoch);
    EXPECT_EQ(parse_lifetime("max", false)->kind, Kind::max);
    EXPECT_EQ(parse_lifetime("off", false)->kind, Kind::off);
    EXPECT_EQ(parse_lifetime("1h", true)->kind, Kind::modified);
    EXPECT_EQ(parse_lifetime("-5", false)->time.count, -5);
    EXPECT_EQ(parse_lifetime("@15h30m", false)->time.count, 55800);
}

TEST(ParseLifetime, Refusals) {
    for (const Text word : {"x", "", "-", "@", "@-1", "1h x"}) EXPECT_FALSE(parse_lifetime(word, false)) << word;
    for (const Text word : {"max", "epoch", "off"}) EXPECT_FALSE(parse_lifetime(word, true)) << word;
    EXPECT_EQ(parse_lifetime("@25h", false).error().text, "daily time value must be less than 24 hours");
    EXPECT_EQ(parse_lifetime("@1h", true).error().text, "daily time cannot be used with \"modified\" parameter");
}

TEST(Freshness, FromNowAndFromTheModification) {
    EXPECT_EQ(freshness({Kind::access, {60}}, {1000}, {10}).expires.count, 1060);
    EXPECT_EQ(freshness({Kind::access, {-60}}, {1000}, {10}).max_age.count, -60);
    EXPECT_EQ(freshness({Kind::modified, {60}}, {1000}, {980}).max_age.count, 40);
    EXPECT_LT(freshness({Kind::modified, {60}}, {1000}, {10}).max_age.count, 0);
    EXPECT_EQ(freshness({Kind::modified, {60}}, {1000}, kUnknown).expires.count, 1060);
    EXPECT_EQ(freshness({Kind::modified, {0}}, {1000}, {10}).max_age.count, 0);
}

TEST(Freshness, TheNextTimeOfTheDay) {
    ::setenv("TZ", "UTC", 1);
    constexpr int64_t kNoon = 1'700'000'000 / 86400 * 86400 + 43200;
    EXPECT_EQ(freshness({Kind::daily, {46800}}, {kNoon}, kUnknown).max_age.count, 3600);
    EXPECT_EQ(freshness({Kind::daily, {39600}}, {kNoon}, kUnknown).max_age.count, 82800);
    EXPECT_EQ(freshness({Kind::daily, {43200}}, {kNoon}, kUnknown).max_age.count, 86400);
}

}  // namespace
}  // namespace sluice::headers
