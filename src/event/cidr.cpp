// Address ranges.
#include "event/cidr.h"

#include <algorithm>
#include <cstring>

namespace sluice::event {

namespace {

constexpr size_t kIpv4Size = 4;
constexpr size_t kIpv6Size = 16;

/// The bytes of an address in network order; 0 when it has none.
size_t bytes_of(const SocketAddress& address, std::array<uint8_t, 16>& out) {
    if (address.is_ipv4()) {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, address.get(), sizeof ipv4);
        std::memcpy(out.data(), &ipv4.sin_addr, kIpv4Size);
        return kIpv4Size;
    }
    if (address.is_ipv6()) {
        sockaddr_in6 ipv6;
        std::memcpy(&ipv6, address.get(), sizeof ipv6);
        std::memcpy(out.data(), &ipv6.sin6_addr, kIpv6Size);
        return kIpv6Size;
    }
    return 0;
}

bool is_mapped_ipv4(const std::array<uint8_t, 16>& bytes) {
    constexpr std::array<uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(kPrefix.begin(), kPrefix.end(), bytes.begin());
}

bool starts_alike(const uint8_t* a, const uint8_t* b, unsigned bits) {
    const size_t whole = bits / 8;
    if (std::memcmp(a, b, whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto mask = static_cast<uint8_t>(0xff00U >> (bits % 8));
    return ((a[whole] ^ b[whole]) & mask) == 0;
}

}  // namespace

std::optional<Cidr> Cidr::parse(Text text, bool* has_low_bits) {
    const size_t slash = text.find('/');
    const std::optional<SocketAddress> address = SocketAddress::parse_ip(text.substr(0, slash), 0);
    if (!address || text.starts_with('[')) return std::nullopt;
    Cidr made = of(*address);
    if (slash == Text::npos) return made;

    const std::optional<uint64_t> bits = text::parse_uint(text.substr(slash + 1));
    if (!bits || *bits > made.bits_) return std::nullopt;
    made.bits_ = static_cast<unsigned>(*bits);
    const bool had_low_bits = made.mask();
    if (has_low_bits != nullptr) *has_low_bits = had_low_bits;
    return made;
}

Cidr Cidr::of(const SocketAddress& address) {
    Cidr made;
    made.family_ = address.family();
    made.bits_ = static_cast<unsigned>(bytes_of(address, made.address_) * 8);
    return made;
}

Cidr Cidr::unix_sockets() {
    Cidr made;
    made.family_ = AF_UNIX;
    return made;
}

/// Clears what lies behind the prefix; true when something did.
bool Cidr::mask() {
    const std::array<uint8_t, 16> before = address_;
    for (unsigned bit = bits_; bit < address_.size() * 8; ++bit) {
        address_[bit / 8] = static_cast<uint8_t>(address_[bit / 8] & ~(0x80U >> (bit % 8)));
    }
    return address_ != before;
}

bool Cidr::contains(const SocketAddress& address) const {
    if (family_ == AF_UNIX || address.is_unix()) return family_ == address.family();
    std::array<uint8_t, 16> bytes{};
    const size_t size = bytes_of(address, bytes);
    if (family_ == AF_INET && size == kIpv6Size) {
        return is_mapped_ipv4(bytes) && starts_alike(address_.data(), bytes.data() + 12, bits_);
    }
    return family_ == address.family() && starts_alike(address_.data(), bytes.data(), bits_);
}

}  // namespace sluice::event
