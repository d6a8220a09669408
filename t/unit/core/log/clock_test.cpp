// The texts of the clock, in time zones with and without summer time, and read by a thread while they change.
#include "core/log/clock.h"

#include <atomic>
#include <thread>

#include "fixture.h"

namespace sluice::log::test {
namespace {

class Zone {
 public:
    explicit Zone(const char* name) {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    ~Zone() {
        ::unsetenv("TZ");
        ::tzset();
        Clock::update();
    }
};

constexpr int64_t kNoon = 1769860800;  // 2026-01-31 12:00:00 UTC, a Saturday

std::string msec() {
    char room[40];
    TextBuilder out(room);
    Clock::write_msec(out);
    return std::string(out.text());
}

TEST(Clock, TextsOfUtc) {
    const Zone zone("UTC0");
    Clock::update(kNoon * 1000 + 7);
    EXPECT_EQ(Clock::error_log_time(), "2026/01/31 12:00:00");
    EXPECT_EQ(Clock::access_log_time(), "31/Jan/2026:12:00:00 +0000");
    EXPECT_EQ(Clock::iso8601(), "2026-01-31T12:00:00+00:00");
    EXPECT_EQ(Clock::http_date(), "Sat, 31 Jan 2026 12:00:00 GMT");
    EXPECT_EQ(Clock::syslog_time(), "Jan 31 12:00:00");
    EXPECT_EQ(msec(), "1769860800.007");
    EXPECT_EQ(Clock::unix_seconds(), kNoon);
}

TEST(Clock, TextsEastAndWestOfUtc) {
    {
        const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
        Clock::update(1782907445000);  // 2026-07-01 12:04:05 UTC, summer time
        EXPECT_EQ(Clock::access_log_time(), "01/Jul/2026:14:04:05 +0200");
        EXPECT_EQ(Clock::iso8601(), "2026-07-01T14:04:05+02:00");
        EXPECT_EQ(Clock::http_date(), "Wed, 01 Jul 2026 12:04:05 GMT");
        EXPECT_EQ(Clock::syslog_time(), "Jul  1 14:04:05");
        EXPECT_EQ(Clock::utc_offset_minutes(), 120);
    }
    const Zone zone("NST+3:30");
    Clock::update(kNoon * 1000);
    EXPECT_EQ(Clock::access_log_time(), "31/Jan/2026:08:30:00 -0330");
    EXPECT_EQ(Clock::iso8601(), "2026-01-31T08:30:00-03:30");
    EXPECT_EQ(Clock::utc_offset_minutes(), -210);
}

TEST(Clock, TextsChangeWithTheSecondOnly) {
    const Zone zone("UTC0");
    Clock::update(kNoon * 1000);
    const Text before = Clock::error_log_time();
    Clock::update(kNoon * 1000 + 999);
    EXPECT_EQ(Clock::error_log_time().data(), before.data());
    EXPECT_EQ(msec(), "1769860800.999");
    Clock::update(kNoon * 1000 + 1000);
    EXPECT_EQ(Clock::error_log_time(), "2026/01/31 12:00:01");
    EXPECT_EQ(before, "2026/01/31 12:00:00");
    Clock::update(kNoon * 1000);  // a clock that is set back
    EXPECT_EQ(Clock::error_log_time(), "2026/01/31 12:00:00");
}

TEST(Clock, HttpDates) {
    const std::pair<int64_t, const char*> vectors[] = {{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
                                                       {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
                                                       {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
                                                       {4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"},
                                                       {-1, "Wed, 31 Dec 1969 23:59:59 GMT"}};
    for (const auto& [time, text] : vectors) {
        char room[kHttpDateSize];
        TextBuilder out(room);
        write_http_date(out, time);
        EXPECT_EQ(out.text(), text);
        EXPECT_FALSE(out.was_cut());
    }
}

TEST(Clock, ThreadReadsWholeTexts) {
    const Zone zone("UTC0");
    Clock::update(kNoon * 1000);
    std::atomic<bool> is_over = false;
    std::atomic<uint64_t> torn = 0;
    std::atomic<uint64_t> reads = 0;
    std::thread reader([&] {
        while (!is_over) {
            const Text date = Clock::http_date();
            if (!date.starts_with("Sat, 31 Jan 2026 1") || !date.ends_with(" GMT") || date.size() != kHttpDateSize)
                ++torn;
            ++reads;
        }
    });
    while (reads == 0) std::this_thread::yield();
    for (int64_t second = 0; second < 1000; ++second) {
        Clock::update((kNoon + second) * 1000);
        std::this_thread::yield();
    }
    is_over = true;
    reader.join();
    EXPECT_EQ(torn, 0U);
    EXPECT_GT(reads, 0U);
}

}  // namespace
}  // namespace sluice::log::test
