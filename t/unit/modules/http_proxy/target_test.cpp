// Addresses of proxy_pass, and the URI that a request asks for there: observed of nginx 1.22.
#include "http_proxy/target.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

std::string parts(Text text) {
    const Url url = parse_url(text);
    if (!url.error.empty()) return std::string(url.error);
    return std::string(url.host) + "|" + std::string(url.name) + "|" + std::to_string(url.port) + "|" +
           std::string(url.uri);
}

TEST(ProxyTarget, Addresses) {
    EXPECT_EQ(parts("http://a"), "a|a|0|");
    EXPECT_EQ(parts("HTTP://a:81/x?y=/z"), "a:81|a|81|/x?y=/z");
    EXPECT_EQ(parts("http://a?b=:"), "a|a|0|?b=:");
    EXPECT_EQ(parts("http://[::1]:8080/"), "[::1]:8080|[::1]|8080|/");
    EXPECT_EQ(parts("http://unix:/run/s"), "localhost|unix:/run/s|0|");
    EXPECT_EQ(parts("http://unix:/run/s:/u?v"), "localhost|unix:/run/s|0|/u?v");
}

TEST(ProxyTarget, Schemes) {
    EXPECT_EQ(parts("https://a"), "a|a|0|");
    EXPECT_EQ(parts("HTTPS://a:81/x"), "a:81|a|81|/x");
    EXPECT_EQ(parts("https://"), "no host");
    EXPECT_TRUE(parse_url("HTTPS://a").is_secure);
    EXPECT_EQ(parse_url("HTTPS://a").scheme, "https://");
    EXPECT_EQ(parse_url("https://a").port_choice().number(), 443);
    EXPECT_EQ(parse_url("https://a:80").port_choice().number(), 80);
    EXPECT_FALSE(parse_url("http://a").is_secure);
    EXPECT_EQ(parse_url("http://a").port_choice().number(), 80);
}

TEST(ProxyTarget, Mistakes) {
    EXPECT_EQ(parts("ftp://a"), "invalid URL prefix");
    EXPECT_EQ(parts(""), "invalid URL prefix");
    EXPECT_EQ(parts("http://"), "no host");
    EXPECT_EQ(parts("http:///x"), "no host");
    EXPECT_EQ(parts("http://a:x/"), "invalid port");
    EXPECT_EQ(parts("http://a:80:90/"), "invalid port");
    EXPECT_EQ(parts("http://a:99999"), "invalid port");
    EXPECT_EQ(parts("http://[::1"), "invalid host");
    EXPECT_EQ(parts("http://[zz]/"), "invalid IPv6 address");
    EXPECT_EQ(parts("http://unix:"), "no path in the unix domain socket");
}

std::string uri(const UriParts& from) {
    Arena arena;
    return std::string(make_uri(arena, from));
}

TEST(ProxyTarget, WithoutAUriTheRequestsOwnPasses) {
    EXPECT_EQ(uri({.target = {},
                   .is_evaluated = false,
                   .unparsed = "/a%2Fb//c?d",
                   .uri = "/a/b/c",
                   .args = "d",
                   .replaced = 2}),
              "/a%2Fb//c?d");
    EXPECT_EQ(uri({.target = {}, .is_evaluated = false, .unparsed = {}, .uri = "/new x", .args = "d", .replaced = 2}),
              "/new%20x?d");
}

TEST(ProxyTarget, NothingEndsTheRequestLine) {
    EXPECT_EQ(
        uri({.target = "/a b\r\nX: y", .is_evaluated = true, .unparsed = {}, .uri = "/", .args = {}, .replaced = 1}),
        "/a%20b%0D%0AX:%20y");
    EXPECT_EQ(
        uri({.target = {}, .is_evaluated = false, .unparsed = {}, .uri = "/", .args = "b\r\n c", .replaced = 1}),
        "/?b%0D%0A%20c");
}

TEST(ProxyTarget, AUriReplacesTheLocation) {
    const UriParts from{.target = "/to/",
                        .is_evaluated = false,
                        .unparsed = "/loc/a%20b?c",
                        .uri = "/loc/a b",
                        .args = "c",
                        .replaced = 5};
    EXPECT_EQ(uri(from), "/to/a%20b?c");
    UriParts whole = from;
    whole.replaced = from.uri.size();
    whole.args = {};
    EXPECT_EQ(uri(whole), "/to/");
    UriParts rewritten = from;
    rewritten.ignores_target = true;
    rewritten.uri = "/other";
    EXPECT_EQ(uri(rewritten), "/other?c");
}

TEST(ProxyTarget, AnEvaluatedUriIsComplete) {
    EXPECT_EQ(
        uri({.target = "/x y?z", .is_evaluated = true, .unparsed = "/a", .uri = "/a", .args = "b", .replaced = 1}),
        "/x%20y?z");
    EXPECT_EQ(uri({.target = "?z", .is_evaluated = true, .unparsed = "/a", .uri = "/a", .args = "b", .replaced = 1}),
              "/?z");
    EXPECT_EQ(uri({.target = {}, .is_evaluated = true, .unparsed = "/a?b", .uri = "/a", .args = "b", .replaced = 1}),
              "/a?b");
}

}  // namespace
}  // namespace sluice::proxy
