// HTTP dates.
#include "http/fields/date.h"

#include <ctime>
#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string written(int64_t time) {
    char out[kHttpDateSize];
    EXPECT_EQ(write_http_date(out, {time}) - out, static_cast<ptrdiff_t>(kHttpDateSize));
    return {out, sizeof out};
}

int64_t parsed(Text value) {
    const auto time = parse_http_date(value);
    return time ? time->count : INT64_MIN;
}

TEST(Date, the_three_formats) {
    EXPECT_EQ(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    EXPECT_EQ(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    EXPECT_EQ(parsed("Sun Nov  6 08:49:37 1994"), 784111777);
    EXPECT_EQ(parsed("Wed Nov 16 08:49:37 1994"), 784111777 + 10 * 86400);
    EXPECT_EQ(parsed(" Sun, 06 Nov 1994 08:49:37 GMT "), 784111777);
    EXPECT_EQ(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Date, edges) {
    EXPECT_EQ(parsed("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    EXPECT_EQ(parsed("Wed, 31 Dec 1969 23:59:59 GMT"), -1);
    EXPECT_EQ(parsed("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
    EXPECT_EQ(parsed("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400);
    EXPECT_EQ(parsed("Fri, 31 Dec 9999 23:59:59 GMT"), 253402300799);
    EXPECT_EQ(parsed("Tue, 19 Jan 2038 03:14:08 GMT"), 2147483648);
    EXPECT_EQ(parsed("Fri, 30 Jun 1972 23:59:60 GMT"), 78796800) << "a leap second";
    EXPECT_EQ(parsed("Thursday, 01-Jan-70 00:00:00 GMT"), 0);
    EXPECT_EQ(parsed("Tuesday, 31-Dec-69 00:00:00 GMT"), 3155673600) << "2069";
    EXPECT_EQ(parsed("Xyz, 01 Jan 1970 00:00:00 GMT"), 0) << "the day's name is not checked";
}

TEST(Date, what_is_no_date) {
    constexpr Text kCases[]{
        "",
        "0",
        "1700000000",
        "Sun",
        "Sun,",
        "Sun, ",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 GMTx",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Mon, 29 Feb 1900 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994  08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov",
        "Sun Nov  6 08:49",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT;",
        "\xff\xff\xff\xff, 06",
    };
    for (const Text value : kCases) EXPECT_EQ(parse_http_date(value), std::nullopt) << value;
}

/// Each day of ten thousand years, against the C library and back.
TEST(Date, calendar) {
    constexpr int64_t kFirst = -62167219200;
    constexpr int64_t kLast = 253402300799;
    int64_t second = 0;
    for (int64_t time = kFirst; time <= kLast; time += 86400) {
        second = (second + 7919) % 86400;
        const CivilTime civil = to_civil({time + second});
        const time_t seconds = time + second;
        tm expected{};
        gmtime_r(&seconds, &expected);
        ASSERT_EQ(civil.year, expected.tm_year + 1900) << seconds;
        ASSERT_EQ(civil.month, expected.tm_mon + 1) << seconds;
        ASSERT_EQ(civil.day, expected.tm_mday) << seconds;
        ASSERT_EQ(civil.weekday, expected.tm_wday) << seconds;
        ASSERT_EQ(civil.hour * 3600 + civil.minute * 60 + civil.second, second) << seconds;
        ASSERT_EQ(from_civil(civil).count, seconds);
    }
}

TEST(Date, times_out_of_range_are_clamped) {
    EXPECT_EQ(written(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_EQ(written(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(Date, a_time_is_written_alike_again) {
    for (const int64_t time : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{784111777}, INT64_MAX})
        for (const int64_t other : {time, time / 2, time}) EXPECT_EQ(parsed(written(other)), parsed(written(other)));
    EXPECT_EQ(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(written(784111777 + 16), "Sun, 06 Nov 1994 08:49:53 GMT") << "the same place among those remembered";
    EXPECT_EQ(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Date, a_text_is_read_alike_again) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
        EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMX"), std::nullopt);
        EXPECT_EQ(parse_http_date(Text("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kHttpDateSize)),
                  std::nullopt);
    }
    for (int64_t time = 0; time < 100; ++time)
        for (int i = 0; i < 2; ++i) EXPECT_EQ(parsed(written(time)), time);
}

TEST(Date, what_is_written_is_read) {
    for (int64_t time = -5000000000; time < 200000000000; time += 1234567891) EXPECT_EQ(parsed(written(time)), time);
}

}  // namespace
}  // namespace sluice::http
