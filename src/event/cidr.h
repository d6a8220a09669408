// Cidr: a range of addresses: "10.0.0.0/8", "2001:db8::/32", one address, or all unix sockets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/text.h"
#include "event/address.h"

namespace sluice::event {

class Cidr {
 public:
    /// Nothing for what is no literal address with an optional "/BITS". `has_low_bits`: bits behind the prefix were
    /// set, which nginx warns about; they are ignored.
    static std::optional<Cidr> parse(Text text, bool* has_low_bits = nullptr);
    /// This address only; IPv4 and IPv6.
    static Cidr of(const SocketAddress& address);
    /// All clients of unix sockets: "unix:".
    static Cidr unix_sockets();

    /// An IPv4 address that came over an IPv6 socket (::ffff:a.b.c.d) is compared as IPv4.
    bool contains(const SocketAddress& address) const;

    sa_family_t family() const { return family_; }
    unsigned prefix_bits() const { return bits_; }
    /// Network order, 4 or 16 bytes used.
    const std::array<uint8_t, 16>& address() const { return address_; }

    bool operator==(const Cidr&) const = default;

 private:
    bool mask();

    sa_family_t family_ = AF_UNSPEC;
    unsigned bits_ = 0;
    std::array<uint8_t, 16> address_{};
};

}  // namespace sluice::event
