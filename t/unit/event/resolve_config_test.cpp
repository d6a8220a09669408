// Addresses as a configuration writes them; only literals, nothing is asked of a resolver.
#include "event/resolve_config.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

std::string listen(Text value) {
    const auto found = resolve_listen(value, 80);
    if (!found) return std::string(found.error().text);
    Arena arena;
    std::string all;
    for (const SocketAddress& address : *found) {
        if (!all.empty()) all += ' ';
        all += address.text(arena);
    }
    return all;
}

std::string split(Text value) {
    const HostPort parts = split_host_port(value);
    if (!parts.error.empty()) return std::string(parts.error);
    return std::string(parts.host) + "|" + std::to_string(parts.port);
}

TEST(ResolveConfig, Listen) {
    EXPECT_EQ(listen("8080"), "0.0.0.0:8080");
    EXPECT_EQ(listen("*"), "0.0.0.0:80");
    EXPECT_EQ(listen("*:81"), "0.0.0.0:81");
    EXPECT_EQ(listen("127.0.0.1"), "127.0.0.1:80");
    EXPECT_EQ(listen("[::1]"), "[::1]:80");
    EXPECT_EQ(listen("[::1]:82"), "[::1]:82");
    EXPECT_EQ(listen("unix:/s"), "unix:/s");
}

TEST(ResolveConfig, LocalAddresses) {
    const auto local = [](Text value) {
        Arena arena;
        const auto found = parse_local(value);
        return found ? std::string(found->text(arena)) : "";
    };
    EXPECT_EQ(local("127.0.0.1"), "127.0.0.1:0");
    EXPECT_EQ(local("127.0.0.1:5000"), "127.0.0.1:5000");
    EXPECT_EQ(local("::1"), "[::1]:0");
    EXPECT_EQ(local("[::1]:5000"), "[::1]:5000");
    for (const char* none :
         {"", "x", "[::1]", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "localhost:1", ":1"})
        EXPECT_EQ(local(none), "") << none;
}

TEST(ResolveConfig, RangesOfPorts) {
    EXPECT_EQ(listen("8001-8003"), "0.0.0.0:8001 0.0.0.0:8002 0.0.0.0:8003");
    EXPECT_EQ(listen("127.0.0.1:5-5"), "127.0.0.1:5");
    EXPECT_EQ(listen("[::1]:65534-65535"), "[::1]:65534 [::1]:65535");
    EXPECT_EQ(listen("8003-8001"), "invalid port range in \"8003-8001\" of the \"listen\" directive");
    EXPECT_EQ(listen("*:1-65536"), "invalid port in \"*:1-65536\" of the \"listen\" directive");
    EXPECT_EQ(listen("*:1-"), "invalid port in \"*:1-\" of the \"listen\" directive");
}

TEST(ResolveConfig, ListenMistakes) {
    for (const Text value :
         {Text("127.0.0.1/x"), Text("http://127.0.0.1"), Text("[::1"), Text("[::1]x"), Text("1.2.3.4?")})
        EXPECT_EQ(listen(value), "invalid host in \"" + std::string(value) + "\" of the \"listen\" directive");
    EXPECT_EQ(listen(":80"), "no host in \":80\" of the \"listen\" directive");
    EXPECT_EQ(listen("[zz]:80"), "invalid IPv6 address in \"[zz]:80\" of the \"listen\" directive");
    EXPECT_EQ(listen("*:0"), "invalid port in \"*:0\" of the \"listen\" directive");
    EXPECT_EQ(listen("unix:"), "no path in the unix domain socket in \"unix:\" of the \"listen\" directive");
}

TEST(ResolveConfig, HostAndPort) {
    EXPECT_EQ(split("a.example"), "a.example|0");
    EXPECT_EQ(split("a.example:65535"), "a.example|65535");
    EXPECT_EQ(split("[::1]:5"), "[::1]|5");
    EXPECT_EQ(split("[::1]"), "[::1]|0");
    EXPECT_EQ(split("a:65536"), "invalid port");
    EXPECT_EQ(split("a:80-90"), "invalid port");
    EXPECT_EQ(split("::1"), "invalid port");
    EXPECT_EQ(split("[::1]5"), "invalid host");
    EXPECT_EQ(split("a/b"), "invalid host");
    EXPECT_EQ(split("[a]"), "invalid IPv6 address");
    EXPECT_EQ(split(""), "no host");
    EXPECT_EQ(split(":80"), "no host");
}

}  // namespace
}  // namespace sluice::event
