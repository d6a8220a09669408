// Hosts: what is valid, how it is split.
#include "http/fields/host.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string split(Text value) {
    const auto authority = parse_authority(value);
    if (!authority) return "invalid";
    std::string out(authority->host);
    if (authority->has_port) out += " port " + std::string(authority->port);
    if (authority->is_ip_literal) out += " literal";
    return out;
}

TEST(Host, valid_ones_are_split) {
    constexpr std::pair<Text, Text> kCases[]{
        {"example.com", "example.com"},
        {"EXAMPLE.com", "EXAMPLE.com"},
        {"localhost", "localhost"},
        {"a", "a"},
        {"1.2.3.4", "1.2.3.4"},
        {"example.com:80", "example.com port 80"},
        {"example.com:", "example.com port "},
        {"example.com:0", "example.com port 0"},
        {"example.com:65535", "example.com port 65535"},
        {"example.com.", "example.com"},
        {"example.com.:80", "example.com port 80"},
        {"a_b.c-d~e", "a_b.c-d~e"},
        {"a!$&'()*+;=b", "a!$&'()*+;=b"},
        {"%41b", "%41b"},
        {".a", ".a"},
        {"[::1]", "[::1] literal"},
        {"[::]", "[::] literal"},
        {"[::1]:8080", "[::1] port 8080 literal"},
        {"[2001:DB8::a:0:1]", "[2001:DB8::a:0:1] literal"},
        {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8] literal"},
        {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::] literal"},
        {"[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8] literal"},
        {"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4] literal"},
        {"[::1.2.3.4]", "[::1.2.3.4] literal"},
        {"[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4] literal"},
        {"[v1.a:b]", "[v1.a:b] literal"},
        {"[VF.x]:1", "[VF.x] port 1 literal"},
    };
    // The second time it is remembered.
    for (const auto& [value, expected] : kCases)
        for (int i = 0; i < 2; ++i) EXPECT_EQ(split(value), expected) << value;
    const std::string longest(300, 'a');
    for (int i = 0; i < 2; ++i) EXPECT_EQ(split(longest), longest);
}

TEST(Host, a_remembered_one_does_not_vouch_for_others) {
    EXPECT_EQ(split("a.example:80"), "a.example port 80");
    EXPECT_EQ(split("a.example:8x"), "invalid");
    EXPECT_EQ(split("a.example:80"), "a.example port 80");
    EXPECT_EQ(split("a.example:8"), "a.example port 8");
    EXPECT_EQ(split("a_example:80"), "a_example port 80");
    EXPECT_EQ(split(""), "invalid");
}

TEST(Host, invalid_ones_are_refused) {
    constexpr Text kCases[]{
        "",
        ".",
        ":",
        ":80",
        ".:80",
        "a b",
        "a,b",
        " a",
        "a ",
        "a\tb",
        "a/b",
        "/",
        "a?b",
        "a#b",
        "a@b",
        "user:pw@a",
        "a\\b",
        "a<b",
        "a\"b",
        "a|b",
        "a^b",
        "a`b",
        "a{b}",
        "a..b",
        "..",
        "a..",
        "a:b",
        "a:80b",
        "a:-1",
        "a:+1",
        "a: 80",
        "a:80 ",
        "a:80:90",
        "a:65536",
        "a:000080",
        "a:99999999999999999999",
        "a%",
        "a%4",
        "a%zz",
        "\xc3\xa4",
        "a\x7f",
        "a\x01",
        "a\rb",
        "a\nb",
        "[",
        "]",
        "[]",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]]",
        "[::1]:x",
        "[::1].",
        "[:::]",
        "[:1]",
        "[1:]",
        "[1::2::3]",
        "[12345::]",
        "[g::]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1:2:3:4:5:6:7:8::]",
        "[::1:2:3:4:5:6:7:8]",
        "[::1.2.3]",
        "[::1.2.3.256]",
        "[::01.2.3.4]",
        "[1.2.3.4::]",
        "[::1.2.3.4:5]",
        "[1:2:3:4:5:6:7:1.2.3.4]",
        "[::1%eth0]",
        "[::1%25eth0]",
        "[1.2.3.4]",
        "[a]",
        "[v.a]",
        "[v1.]",
        "[v1a]",
        "[vg.a]",
        "[v1.a%20]",
        "a[::1]",
        "http://a/",
        "a, b",
        "a,b ",
    };
    for (const Text value : kCases) EXPECT_EQ(split(value), "invalid") << value;
    EXPECT_EQ(split(Text("a\0b", 3)), "invalid");
    EXPECT_EQ(split("*"), "*") << "RFC 3986 allows it in a registered name";
}

TEST(Host, is_lowered_only_when_needed) {
    std::vector<char> out(11);
    EXPECT_EQ(lower_case_host("EXAMPLE.com", out), "example.com");
    constexpr Text kLower = "example.com";
    EXPECT_EQ(lower_case_host(kLower, {}).data(), kLower.data());
}

}  // namespace
}  // namespace sluice::http
