// The grammar of numbers, durations and sizes.
#include "core/conf/value.h"

#include <gtest/gtest.h>

namespace sluice::conf::parse {
namespace {

constexpr int64_t kBad = -1;

struct Case {
    const char* text;
    int64_t milliseconds;
    int64_t seconds;
};

constexpr Case kTimes[] = {
    {"0", 0, 0},
    {"30", 30000, 30},
    {"30s", 30000, 30},
    {"30ms", 30, kBad},
    {"1m", 60000, 60},
    {"2h", 7200000, 7200},
    {"1d", 86400000, 86400},
    {"1w", 604800000, 604800},
    {"1M", kBad, 2592000},
    {"1y", kBad, 31536000},
    {"1y2M3w4d5h6m7s", kBad, 31536000 + 5184000 + 1814400 + 345600 + 18000 + 360 + 7},
    {"1w2d3h4m5s6ms", 604800000 + 172800000 + 10800000 + 240000 + 5006, kBad},
    {"1d12h", 129600000, 129600},
    {"1d 12h", 129600000, 129600},
    {"1d  12h ", 129600000, 129600},
    {"1h30", 3630000, 3630},
    {"1s5", 6000, 6},
    {"1 2", 3000, 3},
    {"30 ", 30000, 30},
    {"1s30ms", 1030, kBad},
    {"1m1m", kBad, kBad},
    {"1h1d", kBad, kBad},
    {"1s1m", kBad, kBad},
    {"1ms1s", kBad, kBad},
    {"1 2s", kBad, kBad},
    {"", kBad, kBad},
    {" 1", kBad, kBad},
    {"s", kBad, kBad},
    {"ms", kBad, kBad},
    {"1S", kBad, kBad},
    {"1x", kBad, kBad},
    {"1.5s", kBad, kBad},
    {"-1", kBad, kBad},
    {"+1", kBad, kBad},
    {"1mss", kBad, kBad},
    {"5 s", kBad, kBad},
    {"9223372036854775", 9223372036854775000, 9223372036854775},
    {"9223372036854776", kBad, 9223372036854776},
    {"9223372036854775807", kBad, INT64_MAX},
    {"9223372036854775808", kBad, kBad},
    {"9223372036854775807ms", INT64_MAX, kBad},
    {"9223372036854775s 1000ms", kBad, kBad},
    {"292471208677y", kBad, 292471208677 * 31536000},
    {"292471208678y", kBad, kBad},
    {"99999999999999999999", kBad, kBad},
};

TEST(Units, Times) {
    for (const Case& one : kTimes) {
        EXPECT_EQ(to_milliseconds(one.text).value_or(Msec{kBad}).count, one.milliseconds) << one.text;
        EXPECT_EQ(to_seconds(one.text).value_or(Seconds{kBad}).count, one.seconds) << one.text;
    }
}

struct Size {
    const char* text;
    int64_t bytes;
    int64_t without_giga;
};

constexpr Size kSizes[] = {
    {"0", 0, 0},
    {"1", 1, 1},
    {"1k", 1024, 1024},
    {"1K", 1024, 1024},
    {"8m", 8388608, 8388608},
    {"8M", 8388608, 8388608},
    {"1g", 1073741824, kBad},
    {"1G", 1073741824, kBad},
    {"1t", kBad, kBad},
    {"k", kBad, kBad},
    {"", kBad, kBad},
    {"1kk", kBad, kBad},
    {"1 k", kBad, kBad},
    {" 1", kBad, kBad},
    {"-1", kBad, kBad},
    {"1.5k", kBad, kBad},
    {"0x10", kBad, kBad},
    {"9223372036854775807", INT64_MAX, INT64_MAX},
    {"9223372036854775808", kBad, kBad},
    {"9007199254740991k", 9007199254740991 * 1024, 9007199254740991 * 1024},
    {"9007199254740992k", kBad, kBad},
    {"8796093022208m", kBad, kBad},
    {"8589934591g", 8589934591 * 1073741824, kBad},
    {"8589934592g", kBad, kBad},
};

TEST(Units, Sizes) {
    for (const Size& one : kSizes) {
        EXPECT_EQ(to_bytes(one.text, true).value_or(Bytes{kBad}).count, one.bytes) << one.text;
        EXPECT_EQ(to_bytes(one.text, false).value_or(Bytes{kBad}).count, one.without_giga) << one.text;
    }
}

}  // namespace
}  // namespace sluice::conf::parse
