// The prepared head of a request to an upstream.
#include "http_proxy/head_template.h"

#include <gtest/gtest.h>

#include "core/script/fixture.h"

namespace sluice::proxy {
namespace {

struct Case {
    script::test::Fixture fixture;
    conf::Sequence<SetHeader> set;

    Case& header(Text name, Text value) {
        set.append(fixture.arena, {name, fixture.compile(value)});
        return *this;
    }
    const HeadTemplate& make(bool is_http10 = false) {
        return *make_head_template(fixture.arena, set, script::Complex("up:80"), is_http10);
    }
    /// Constants as they are, "<name=source>" for what a request tells.
    std::string shown(bool is_http10 = false) {
        std::string all;
        for (const HeadTemplate::Part& part : make(is_http10).parts) {
            all += part.name.empty() ? std::string(part.constant)
                                     : "<" + std::string(part.name) + "=" + std::string(part.value.source()) + ">";
        }
        return all;
    }
};

bool replaces(const HeadTemplate& made, Text name) {
    return made.replaced.has(http::Field{
        .name = name, .value = {}, .hash = http::header_name_hash(name), .known = http::find_known_header(name)});
}

TEST(HeadTemplate, HostAndConnection) {
    EXPECT_EQ(Case().shown(), "Host: up:80\r\n");
    EXPECT_EQ(Case().shown(true), "Host: up:80\r\nConnection: close\r\n");
    EXPECT_EQ(Case().header("host", "$number").shown(), "<host=$number>");
    EXPECT_EQ(Case().header("Host", "").shown(), "") << "an empty value keeps the field away";
    EXPECT_EQ(Case().header("Connection", "").shown(true), "Host: up:80\r\n");
}

TEST(HeadTemplate, ConstantsThatStandTogetherAreOnePart) {
    Case one;
    one.header("A", "1").header("B", "$number").header("C", "2").header("D", "3");
    EXPECT_EQ(one.shown(), "Host: up:80\r\nA: 1\r\n<B=$number>C: 2\r\nD: 3\r\n");
    EXPECT_EQ(one.make().parts.size(), 3U);
}

TEST(HeadTemplate, WhatTheClientSaidIsReplaced) {
    Case one;
    const HeadTemplate& made = one.header("X-Own", "1").make();
    for (const Text name :
         {Text("host"), Text("Connection"), Text("TE"), Text("upgrade"), Text("x-own"), Text("Expect")})
        EXPECT_TRUE(replaces(made, name)) << name;
    EXPECT_FALSE(replaces(made, "Accept"));
    EXPECT_FALSE(replaces(made, "X-Other"));
}

TEST(HeadTemplate, LengthAndPersistence) {
    EXPECT_FALSE(Case().make().sets_length);
    EXPECT_TRUE(Case().header("content-length", "5").make().sets_length);
    EXPECT_FALSE(Case().header("Transfer-Encoding", "").make().sets_length);
    EXPECT_TRUE(Case().header("transfer-encoding", "").make().sets_coding);
    EXPECT_FALSE(Case().header("Content-Length", "5").make().sets_coding);
    EXPECT_FALSE(Case().header("Connection", "close").make(true).says_keep_alive);
    EXPECT_TRUE(Case().header("Connection", "keep-alive").make(true).says_keep_alive);
}

}  // namespace
}  // namespace sluice::proxy
