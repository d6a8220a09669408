// Range and Content-Range fields.
#include "http/fields/range.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string judge(Text value, uint64_t size, uint32_t max_ranges = 100) {
    const RangeSummary summary = judge_ranges(value, size, max_ranges);
    if (summary.verdict == RangeVerdict::whole) return "whole";
    if (summary.verdict == RangeVerdict::unsatisfiable) return "unsatisfiable";
    std::string out;
    uint32_t count = 0;
    uint64_t total = 0;
    RangeReader reader(value, size);
    while (const auto range = reader.next()) {
        out += (count++ == 0 ? "" : " ") + std::to_string(range->begin) + "-" + std::to_string(range->end);
        total += range->size();
    }
    EXPECT_EQ(count, summary.count);
    EXPECT_EQ(total, summary.total);
    return out;
}

TEST(Range, of_a_body_of_ten_bytes) {
    constexpr std::pair<Text, Text> kCases[]{
        {"bytes=0-4", "0-5"},
        {"bytes=0-0", "0-1"},
        {"bytes=9-9", "9-10"},
        {"bytes=0-", "0-10"},
        {"bytes=5-", "5-10"},
        {"bytes=-3", "7-10"},
        {"bytes=-10", "0-10"},
        {"bytes=-100", "0-10"},
        {"bytes=0-9", "0-10"},
        {"bytes=0-100", "0-10"},
        {"bytes=5-9223372036854775807", "5-10"},
        {"BYTES=1-2", "1-3"},
        {"bytes=0-1,4-5", "0-2 4-6"},
        {"bytes=0-1, 4-5 ,8-", "0-2 4-6 8-10"},
        {"bytes= 0 - 1 , -1", "0-2 9-10"},
        {"bytes=8-9,0-1", "8-10 0-2"},
        {"bytes=0-1,20-30", "0-2"},
        {"bytes=20-30,0-1", "0-2"},
        {"bytes=0-5,5-8", "0-6 5-9"},
        {"bytes=10-", "unsatisfiable"},
        {"bytes=10-20", "unsatisfiable"},
        {"bytes=-0", "unsatisfiable"},
        {"bytes=5-4", "unsatisfiable"},
        {"bytes=", "whole"},
        {"bytes=-", "unsatisfiable"},
        {"bytes=a-b", "unsatisfiable"},
        {"bytes=1", "unsatisfiable"},
        {"bytes=1-2-3", "unsatisfiable"},
        {"bytes=1-2x", "unsatisfiable"},
        {"bytes=--1", "unsatisfiable"},
        {"bytes=-1-", "unsatisfiable"},
        {"bytes=+1-2", "unsatisfiable"},
        {"bytes=0-1,", "unsatisfiable"},
        {"bytes=0-1,,2-3", "unsatisfiable"},
        {"bytes=0-1 2-3", "unsatisfiable"},
        {"bytes=0-1;2-3", "unsatisfiable"},
        {"bytes=9223372036854775808-", "unsatisfiable"},
        {"bytes=0-18446744073709551616", "unsatisfiable"},
        {"bytes=-99999999999999999999999", "unsatisfiable"},
        {"bytes", "whole"},
        {"bytes =0-1", "whole"},
        {"items=0-1", "whole"},
        {"", "whole"},
        {"0-1", "whole"},
        {"bytes=0-9,0-9", "whole"},
        {"bytes=0-,0-,0-", "whole"},
    };
    for (const auto& [value, expected] : kCases) EXPECT_EQ(judge(value, 10), expected) << value;
}

TEST(Range, of_an_empty_body) {
    EXPECT_EQ(judge("bytes=0-", 0), "whole");
    EXPECT_EQ(judge("bytes=0-0", 0), "whole");
    EXPECT_EQ(judge("bytes=-5", 0), "whole");
    EXPECT_EQ(judge("bytes=1-", 0), "unsatisfiable");
}

TEST(Range, max_ranges_counts_those_that_can_be_satisfied) {
    EXPECT_EQ(judge("bytes=0-0,2-2", 10, 2), "0-1 2-3");
    EXPECT_EQ(judge("bytes=0-0,2-2", 10, 1), "whole");
    EXPECT_EQ(judge("bytes=0-0,20-", 10, 1), "0-1");
    EXPECT_EQ(judge("bytes=0-0", 10, 0), "whole");
}

TEST(Range, of_the_largest_body) {
    constexpr auto kLargest = static_cast<uint64_t>(INT64_MAX);
    EXPECT_EQ(judge("bytes=-1", kLargest), "9223372036854775806-9223372036854775807");
    EXPECT_EQ(judge("bytes=0-,0-", kLargest), "whole");
}

std::string content_range(Text value) {
    const auto content = parse_content_range(value);
    if (!content) return "invalid";
    return std::to_string(content->range.begin) + "-" + std::to_string(content->range.end) + "/" +
           (content->complete_size ? std::to_string(*content->complete_size) : "*");
}

TEST(ContentRange, is_read) {
    constexpr std::pair<Text, Text> kCases[]{
        {"bytes 0-99/200", "0-100/200"}, {"bytes 0-0/1", "0-1/1"},
        {"Bytes 5-9/*", "5-10/*"},       {"bytes */200", "0-0/200"},
        {"bytes */*", "invalid"},        {"bytes 0-99", "invalid"},
        {"bytes 0-99/", "invalid"},      {"bytes 9-5/20", "invalid"},
        {"bytes 0-99/50", "invalid"},    {"bytes=0-99/200", "invalid"},
        {"bytes 0-99/200x", "invalid"},  {"bytes -99/200", "invalid"},
        {"bytes 0-/200", "invalid"},     {"", "invalid"},
    };
    for (const auto& [value, expected] : kCases) EXPECT_EQ(content_range(value), expected) << value;
}

}  // namespace
}  // namespace sluice::http
