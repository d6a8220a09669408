// Basic credentials.
#include "http/fields/basic_auth.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(BasicAuth, UserAndPasswordAreFound) {
    Arena arena;
    const auto found = parse_basic_auth(arena, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->user, "Aladdin");
    EXPECT_EQ(found->password, "open sesame");
}

TEST(BasicAuth, SchemeHasNoCaseAndPaddingMayBeMissing) {
    Arena arena;
    const auto found = parse_basic_auth(arena, "bAsIc  YTpi");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->user, "a");
    EXPECT_EQ(found->password, "b");
    EXPECT_EQ(parse_basic_auth(arena, "Basic YWE6Yg")->user, "aa");
}

TEST(BasicAuth, TheFirstColonSeparates) {
    Arena arena;
    EXPECT_EQ(parse_basic_auth(arena, "Basic YTpiOmM=")->password, "b:c");
    EXPECT_EQ(parse_basic_auth(arena, "Basic OmI=")->user, "");
}

TEST(BasicAuth, WhatIsNoneIsRefused) {
    Arena arena;
    for (const Text value :
         {"", "Basic", "Basic ", "Bearer YTpi", "Basic YQ==", "Basic YT*i", "Basic Y", "Basic YTpiY"})
        EXPECT_FALSE(parse_basic_auth(arena, value)) << value;
}

}  // namespace
}  // namespace sluice::http
