// Entity tags.
#include "http/fields/etag.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr auto kStrong = EtagComparison::strong;
constexpr auto kWeak = EtagComparison::weak;

/// The table of RFC 9110 §8.8.3.2.
TEST(Etag, comparison) {
    EXPECT_FALSE(matches_etag(R"(W/"1")", R"(W/"1")", kStrong));
    EXPECT_TRUE(matches_etag(R"(W/"1")", R"(W/"1")", kWeak));
    EXPECT_FALSE(matches_etag(R"(W/"1")", R"(W/"2")", kWeak));
    EXPECT_FALSE(matches_etag(R"(W/"1")", R"("1")", kStrong));
    EXPECT_TRUE(matches_etag(R"(W/"1")", R"("1")", kWeak));
    EXPECT_TRUE(matches_etag(R"("1")", R"("1")", kStrong));
    EXPECT_TRUE(matches_etag(R"("1")", R"("1")", kWeak));
}

TEST(Etag, shape) {
    for (const Text etag : {R"("")", R"("a")", R"(W/"a")", R"("a b")", R"("a,b")"})
        EXPECT_TRUE(is_etag(etag)) << etag;
    for (const Text other :
         {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/", "W/a", "W/\"a", "\"a\"b", "\"a\" ", "\"a\",\"b\"", "*"})
        EXPECT_FALSE(is_etag(other)) << other;
}

TEST(Etag, lists_that_match) {
    for (const Text list : {"*", R"("a")", R"("b", "a")", R"("b","a","c")", R"( "a" )", R"("b" , "a")",
                            R"(,, "b",, "a",)", R"("x,y", "a")", R"(W/"b", "a")"}) {
        EXPECT_TRUE(matches_etag_list(list, R"("a")", kStrong)) << list;
        EXPECT_TRUE(matches_etag_list(list, R"("a")", kWeak)) << list;
    }
    EXPECT_TRUE(matches_etag_list(R"(W/"a")", R"("a")", kWeak));
    EXPECT_TRUE(matches_etag_list(R"("a")", R"(W/"a")", kWeak));
}

TEST(Etag, lists_that_do_not) {
    for (const Text list : {"", " ", ",", R"("b")", R"(a)", R"("a)", R"(a")", R"("A")", R"("b" "a")", R"("b"; "a")",
                            R"(b, "a")", R"("a"b)", R"("x,"a"")", R"(*, "b")", "\"b\",", "W/"}) {
        EXPECT_FALSE(matches_etag_list(list, R"("a")", kStrong)) << list;
        EXPECT_FALSE(matches_etag_list(list, R"("a")", kWeak)) << list;
    }
    EXPECT_FALSE(matches_etag_list(R"(W/"a")", R"("a")", kStrong));
    EXPECT_FALSE(matches_etag_list(R"("a")", R"(W/"a")", kStrong));
    EXPECT_FALSE(matches_etag_list(R"("a")", "", kWeak));
    EXPECT_TRUE(matches_etag_list("*", "", kWeak));
}

TEST(IfRange, tag_or_exact_date) {
    constexpr Seconds kModified{784111777};
    EXPECT_TRUE(matches_if_range(R"("a")", R"("a")", kModified));
    EXPECT_FALSE(matches_if_range(R"("b")", R"("a")", kModified));
    EXPECT_FALSE(matches_if_range(R"(W/"a")", R"(W/"a")", kModified));
    EXPECT_FALSE(matches_if_range(R"("a")", "", kModified));
    EXPECT_TRUE(matches_if_range("Sun, 06 Nov 1994 08:49:37 GMT", "", kModified));
    EXPECT_FALSE(matches_if_range("Sun, 06 Nov 1994 08:49:38 GMT", "", kModified));
    EXPECT_FALSE(matches_if_range("Sun, 06 Nov 1994 08:49:37 GMT", "", std::nullopt));
    EXPECT_FALSE(matches_if_range("", "", kModified));
}

}  // namespace
}  // namespace sluice::http
