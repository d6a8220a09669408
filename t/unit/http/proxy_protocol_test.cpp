// PROXY headers of both versions: whole, cut at every byte, and broken.
#include "http/proxy_protocol.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using Outcome = ProxyParse::Outcome;

const std::string kMagic("\r\n\r\n\0\r\nQUIT\n", 12);

/// A header of version 2: `first` is version and command, `second` family and transport.
std::string binary(int first, int second, const std::string& rest) {
    std::string made = kMagic;
    for (const size_t byte :
         {static_cast<size_t>(first), static_cast<size_t>(second), rest.size() / 256, rest.size() % 256})
        made += static_cast<char>(byte);
    return made + rest;
}

const std::string kAddresses4("\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb", 12);
const std::string kAddresses6 = std::string(15, '\0') + "\x01" + std::string(15, '\0') + "\x02" + "\xdc\x04\x01\xbb";

std::string show(const ProxyHeader& header) {
    if (!header.has_addresses) return "none";
    Arena arena;
    return std::string(header.source.text(arena)) + " > " + std::string(header.destination.text(arena));
}

struct Good {
    std::string bytes;
    std::string shown;
};
const Good kGood[] = {
    {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "192.0.2.1:56324 > 192.0.2.2:443"},
    {"PROXY TCP6 ::1 2001:db8::2 0 65535\r\n", "[::1]:0 > [2001:db8::2]:65535"},
    {"PROXY UNKNOWN\r\n", "none"},
    {"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", "none"},
    {binary(0x21, 0x11, kAddresses4), "192.0.2.1:56324 > 192.0.2.2:443"},
    {binary(0x21, 0x21, kAddresses6), "[::1]:56324 > [::2]:443"},
    {binary(0x20, 0x11, kAddresses4), "none"},
    {binary(0x21, 0x00, "anything"), "none"},
    {binary(0x21, 0x31, std::string(216, 'u')), "none"},
    {binary(0x20, 0x00, ""), "none"},
};

TEST(ProxyProtocol, EverySplit) {
    for (const Good& good : kGood) {
        for (size_t cut = 0; cut < good.bytes.size(); ++cut) {
            ProxyHeader header;
            EXPECT_EQ(parse_proxy_header(Text(good.bytes).substr(0, cut), header).outcome, Outcome::need_more)
                << good.bytes << " cut at " << cut;
        }
        for (const std::string behind : {"", "GET / HTTP/1.1\r\n", "\r\n"}) {
            ProxyHeader header;
            const std::string bytes = good.bytes + behind;
            const ProxyParse parsed = parse_proxy_header(bytes, header);
            EXPECT_EQ(parsed.outcome, Outcome::done) << good.bytes;
            EXPECT_EQ(parsed.size, good.bytes.size());
            EXPECT_EQ(show(header), good.shown);
        }
    }
}

TEST(ProxyProtocol, BrokenText) {
    for (const Text bytes :
         {Text("GET / HTTP/1.1\r\n"), Text("PROXX"), Text("PROXY\r\n"), Text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"),
          Text("PROXY TCP4 ::1 ::2 1 2\r\n"), Text("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"),
          Text("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), Text("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"),
          Text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), Text("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"),
          Text("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"), Text("PROXY TCP4  192.0.2.2 1 2\r\n")}) {
        ProxyHeader header;
        const ProxyParse parsed = parse_proxy_header(bytes, header);
        EXPECT_EQ(parsed.outcome, Outcome::broken) << bytes;
        EXPECT_TRUE(parsed.complaint.empty());
    }
}

TEST(ProxyProtocol, ALineHasAtMost107Bytes) {
    const std::string start = "PROXY UNKNOWN ";
    const std::string longest = start + std::string(105 - start.size(), 'x') + "\r\n";
    ProxyHeader header;
    EXPECT_EQ(parse_proxy_header(longest, header).outcome, Outcome::done);
    EXPECT_EQ(parse_proxy_header(start + std::string(106 - start.size(), 'x') + "\r\n", header).outcome,
              Outcome::broken);
}

TEST(ProxyProtocol, BrokenBinary) {
    ProxyHeader header;
    EXPECT_EQ(parse_proxy_header(binary(0x11, 0x11, kAddresses4), header).version, 1);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x11, kAddresses4.substr(1)), header).outcome, Outcome::broken);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x21, kAddresses6.substr(1)), header).outcome, Outcome::broken);
    const std::string too_long = binary(0x21, 0x11, kAddresses4 + std::string(kMostProxyHeader - 16 - 12 + 1, 'x'));
    EXPECT_EQ(parse_proxy_header(too_long, header).outcome, Outcome::broken);
    std::string other = binary(0x21, 0x11, kAddresses4);
    other[5] = 'x';
    EXPECT_EQ(parse_proxy_header(Text(other).substr(0, 6), header).outcome, Outcome::broken)
        << "at the first wrong byte";
}

std::string tlv(int type, const std::string& value) {
    return std::string{static_cast<char>(type), static_cast<char>(value.size() / 256),
                       static_cast<char>(value.size() % 256)} +
           value;
}

TEST(ProxyProtocol, Tlvs) {
    const std::string tls = std::string("\x07\0\0\0\0", 5) + tlv(0x21, "TLSv1.3") + tlv(0x22, "client");
    ProxyHeader header;
    ASSERT_EQ(
        parse_proxy_header(
            binary(0x21, 0x11, kAddresses4 + tlv(0x01, "h2") + tlv(0x02, "") + tlv(0x20, tls) + tlv(0xea, "own")),
            header)
            .outcome,
        Outcome::done);
    EXPECT_EQ(header.tlv("alpn"), "h2");
    EXPECT_TRUE(header.tlv("authority").empty() && header.tlv("authority").data() != nullptr);
    EXPECT_EQ(header.tlv("ssl_version"), "TLSv1.3");
    EXPECT_EQ(header.tlv("ssl_cn"), "client");
    EXPECT_EQ(header.tlv("0xea"), "own");
    EXPECT_EQ(header.tlv("0x1"), "h2");
    for (const Text name : {Text("netns"), Text("ssl_cipher"), Text("0x"), Text("0xzz"), Text("0x001"), Text("other"),
                            Text("ssl_other")})
        EXPECT_EQ(header.tlv(name).data(), nullptr) << name;
}

TEST(ProxyProtocol, ABrokenTlvHidesWhatIsBehind) {
    ProxyHeader header;
    header.tlvs = tlv(0x01, "h2") + std::string(
                                        "\x02\x00\x09"
                                        "short",
                                        8);
    EXPECT_EQ(header.tlv("alpn"), "h2");
    EXPECT_EQ(header.tlv("authority").data(), nullptr);
}

}  // namespace
}  // namespace sluice::http
