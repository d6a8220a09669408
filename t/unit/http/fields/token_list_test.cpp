// Lists, Connection, Expect, cookies.
#include "http/fields/token_list.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string elements(Text list) {
    std::string out;
    while (const auto element = next_element(list)) out += "[" + std::string(*element) + "]";
    return out;
}

TEST(List, elements) {
    EXPECT_EQ(elements("a"), "[a]");
    EXPECT_EQ(elements("a, b\t,c"), "[a][b][c]");
    EXPECT_EQ(elements(",, a,,b , ,"), "[a][b]");
    EXPECT_EQ(elements("a b"), "[a b]");
    EXPECT_EQ(elements(" , "), "");
    EXPECT_EQ(elements(""), "");
    EXPECT_TRUE(has_element("a, Gzip, b", "gzip"));
    EXPECT_FALSE(has_element("gzipped, xgzip", "gzip"));
}

TEST(Connection, options) {
    ConnectionOptions options;
    add_connection(options, "Keep-Alive, Upgrade");
    EXPECT_TRUE(options.has_keep_alive && options.has_upgrade && !options.has_close && !options.has_other);
    add_connection(options, "CLOSE, x-hop");
    EXPECT_TRUE(options.has_close && options.has_other && options.has_keep_alive);
    ConnectionOptions none;
    add_connection(none, "disclose");
    EXPECT_FALSE(none.has_close) << "a token, not a part of one";
    EXPECT_TRUE(none.has_other);
}

TEST(Expect, values) {
    EXPECT_EQ(parse_expect("100-continue"), Expectation::continue_100);
    EXPECT_EQ(parse_expect("100-Continue"), Expectation::continue_100);
    EXPECT_EQ(parse_expect(""), Expectation::none);
    EXPECT_EQ(parse_expect("100-continue, x"), Expectation::unknown);
    EXPECT_EQ(parse_expect("x100-continue"), Expectation::unknown);
}

TEST(Cookie, by_name) {
    constexpr Text kField = "a=1; bb=2;c=3 ;  d=\"4 5\"; e; f=; B=6";
    EXPECT_EQ(find_cookie(kField, "a"), "1");
    EXPECT_EQ(find_cookie(kField, "bb"), "2");
    EXPECT_EQ(find_cookie(kField, "b"), "6");
    EXPECT_EQ(find_cookie(kField, "C"), "3");
    EXPECT_EQ(find_cookie(kField, "d"), "\"4 5\"");
    EXPECT_EQ(find_cookie(kField, "e"), std::nullopt);
    EXPECT_EQ(find_cookie(kField, "f"), "");
    EXPECT_EQ(find_cookie("", "a"), std::nullopt);
    EXPECT_EQ(find_cookie("x; a = 1; b =2; c= 3", "a"), "1");
    EXPECT_EQ(find_cookie("x; a = 1; b =2; c= 3", "b"), "2");
    EXPECT_EQ(find_cookie("x; a = 1; b =2; c= 3", "c"), "3");
    EXPECT_EQ(find_cookie("x; a = 1", "x"), std::nullopt);
    EXPECT_EQ(find_cookie("a==1", "a"), "=1");
    EXPECT_EQ(find_cookie("=1", ""), "1");
}

}  // namespace
}  // namespace sluice::http
