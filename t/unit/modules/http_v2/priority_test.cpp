// The Priority field (RFC 9218), read as a dictionary of RFC 8941.
#include "http_v2/priority.h"

#include <string>

#include <gtest/gtest.h>

namespace {

using sluice::Text;
using sluice::http2::read_priority;

/// "urgency increments", or "-" for what is no dictionary; begins at 6 and 0, so that what says nothing shows.
std::string read(Text field) {
    nghttp2_extpri priority{.urgency = 6, .inc = 0};
    if (!read_priority(field, priority)) {
        EXPECT_EQ(priority.urgency, 6U) << field;
        EXPECT_EQ(priority.inc, 0) << field;
        return "-";
    }
    return std::to_string(priority.urgency) + " " + std::to_string(priority.inc);
}

TEST(Priority, SaysUrgencyAndIncrements) {
    EXPECT_EQ(read("u=0"), "0 0");
    EXPECT_EQ(read("u=7"), "7 0");
    EXPECT_EQ(read("i"), "6 1");
    EXPECT_EQ(read("u=1, i"), "1 1");
    EXPECT_EQ(read("i=?1,u=2"), "2 1");
    EXPECT_EQ(read("  u=3 \t,\t i=?1  "), "3 1");
}

TEST(Priority, TakesTheLastOfTwo) {
    EXPECT_EQ(read("u=1, u=5"), "5 0");
    EXPECT_EQ(read("i, i=?0"), "6 0");
}

// RFC 9218 §4: values of another type or beyond the range, and members that are not known, are passed over.
TEST(Priority, PassesOverWhatItDoesNotKnow) {
    for (const Text field : {"", "  ", "u=8", "u=-1", "u=10", "u=1.0", "u=?1", "u=\"1\"", "u", "i=1", "i=?2", "a",
                             "uu=1", "*u=1", "u=(1)"})
        EXPECT_EQ(read(field), "6 0") << field;
    for (const Text field : {"a=\"x, u=3\", u=1", "a=\"\\\"\", u=1", "a=(1 \"2)\" 3;b=4);c;d=5, u=1", "a=:YQ==:, u=1",
                             "a=*x/y:z, u=1", "u=1;a;b=\"c\"", "u=1; a=2, b"})
        EXPECT_EQ(read(field), "1 0") << field;
}

TEST(Priority, IsNothingWhereItIsNoDictionary) {
    for (const Text field : {",",      "u=1,",   "u=1,,i",  "u=1 i",  "u=",     "U=1",           "1=u",
                             "=1",     "u=1;",   "u=1;=2",  "u=1;A",  "u=1;a=", "a=\"x",         "a=\"\\\"",
                             "a=\"\\", "a=(1 2", "a=((1))", "a=(1;)", "a=:YQ",  "u=1, \xc3\xa4", "u=1\x01"})
        EXPECT_EQ(read(field), "-") << field;
}

}  // namespace
