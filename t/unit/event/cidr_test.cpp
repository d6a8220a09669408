// Ranges of addresses: what is one, and who is in it.
#include "event/cidr.h"

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

SocketAddress ip(const char* literal) {
    return *SocketAddress::parse_ip(literal, 1234);
}

TEST(Cidr, TakesZerosInFrontOfDecimals) {
    EXPECT_TRUE(Cidr::parse("010.008.000.0000000001")->contains(ip("10.8.0.1")));
    EXPECT_TRUE(Cidr::parse("010.008.0.0/016")->contains(ip("10.8.7.1")));
    EXPECT_TRUE(Cidr::parse("::ffff:01.02.03.04")->contains(ip("::ffff:1.2.3.4")));
    EXPECT_FALSE(Cidr::parse("010.0.0.1")->contains(ip("8.0.0.1")));
    for (const char* text : {"0x1.2.3.4", "00001::", "1.2.3.0256", "::ffff:1.2.3.0256"})
        EXPECT_FALSE(Cidr::parse(text).has_value()) << text;
}

TEST(Cidr, RefusesWhatIsNone) {
    for (const char* text :
         {"", "x", "1.2.3", "1.2.3.4.5", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/x", "1.2.3.256", "::1/129",
          "[::1]", "[::1]/128", ":::", "1.2.3.4/8/8", " 1.2.3.4", "localhost", "1.2.3.4/4294967296", "1.2.3.4/ 8"}) {
        EXPECT_FALSE(Cidr::parse(text).has_value()) << text;
    }
}

TEST(Cidr, ContainsItsAddressesOnly) {
    struct Case {
        const char* range;
        const char* inside;
        const char* outside;
    };
    for (const Case& one : {
             Case{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
             Case{"10.1.2.0/23", "10.1.3.255", "10.1.4.0"},
             Case{"192.168.1.1", "192.168.1.1", "192.168.1.2"},
             Case{"192.168.1.1/32", "192.168.1.1", "192.168.1.0"},
             Case{"128.0.0.0/1", "255.0.0.1", "127.255.255.255"},
             Case{"0.0.0.0/0", "8.8.8.8", "::1"},
             Case{"10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"},
             Case{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
             Case{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
             Case{"::1", "::1", "::2"},
             Case{"::/0", "fe80::1", "1.2.3.4"},
         }) {
        const std::optional<Cidr> range = Cidr::parse(one.range);
        ASSERT_TRUE(range.has_value()) << one.range;
        EXPECT_TRUE(range->contains(ip(one.inside))) << one.range << " " << one.inside;
        EXPECT_FALSE(range->contains(ip(one.outside))) << one.range << " " << one.outside;
    }
}

TEST(Cidr, TellsOfBitsBehindThePrefix) {
    bool has_low_bits = false;
    ASSERT_TRUE(Cidr::parse("10.1.0.0/8", &has_low_bits).has_value());
    EXPECT_TRUE(has_low_bits);
    ASSERT_TRUE(Cidr::parse("10.0.0.0/8", &has_low_bits).has_value());
    EXPECT_FALSE(has_low_bits);
    EXPECT_EQ(*Cidr::parse("10.1.2.3/8"), *Cidr::parse("10.0.0.0/8"));
}

TEST(Cidr, UnixSocketsAreARangeOfTheirOwn) {
    const SocketAddress unix_socket = *SocketAddress::unix_path("/tmp/x");
    EXPECT_TRUE(Cidr::unix_sockets().contains(unix_socket));
    EXPECT_FALSE(Cidr::unix_sockets().contains(ip("127.0.0.1")));
    EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(unix_socket));
}

}  // namespace
}  // namespace sluice::event
