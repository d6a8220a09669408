// SocketAddress: literals in, texts out.
#include "event/address.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include <arpa/inet.h>

namespace sluice::event {

namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

/// The path of a unix address; empty for an unnamed peer. An abstract name starts with its zero byte.
Text path_of(const sockaddr_un& address, socklen_t length) {
    if (length <= kPathOffset) return {};
    const Text path{address.sun_path, std::min<size_t>(length - kPathOffset, sizeof address.sun_path)};
    return path.front() == '\0' ? path : path.substr(0, path.find('\0'));
}

/// Copies an address without the zeros that nginx allows in front of decimal numbers: inet_pton() does not. False
/// when there is no room.
bool copy_canonical(Text literal, std::span<char> out) {
    const size_t colon = literal.rfind(':');
    const bool has_decimals = literal.find('.') != Text::npos;
    const size_t decimals = !has_decimals ? literal.size() : colon == Text::npos ? 0 : colon + 1;
    size_t length = 0;
    for (size_t i = 0; i < literal.size(); ++i) {
        const bool begins = i == decimals || (i > decimals && literal[i - 1] == '.');
        if (begins)
            while (literal[i] == '0' && i + 1 < literal.size() && text::is_digit(literal[i + 1])) ++i;
        if (length + 1 >= out.size() || literal[i] == '\0') return false;
        out[length++] = literal[i];
    }
    out[length] = '\0';
    return true;
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) : any_{} {
    length_ = std::min(length, capacity());
    std::memcpy(&unix_, address, length_);
}

SocketAddress SocketAddress::ipv4(uint32_t host_order_address, uint16_t port) {
    SocketAddress made;
    made.ipv4_ = {};
    made.ipv4_.sin_family = AF_INET;
    made.ipv4_.sin_addr.s_addr = htonl(host_order_address);
    made.ipv4_.sin_port = htons(port);
    made.length_ = sizeof made.ipv4_;
    return made;
}

SocketAddress SocketAddress::ipv6(const in6_addr& address, uint16_t port) {
    SocketAddress made;
    made.ipv6_ = {};
    made.ipv6_.sin6_family = AF_INET6;
    made.ipv6_.sin6_addr = address;
    made.ipv6_.sin6_port = htons(port);
    made.length_ = sizeof made.ipv6_;
    return made;
}

std::optional<SocketAddress> SocketAddress::unix_path(Text path) {
    SocketAddress made;
    made.unix_ = {};
    if (path.empty() || path.size() >= sizeof made.unix_.sun_path) return std::nullopt;
    made.unix_.sun_family = AF_UNIX;
    std::memcpy(made.unix_.sun_path, path.data(), path.size());
    made.length_ = static_cast<socklen_t>(kPathOffset + path.size() + 1);
    return made;
}

std::optional<SocketAddress> SocketAddress::parse_ip(Text literal, uint16_t port) {
    const bool in_brackets = literal.size() > 2 && literal.front() == '[' && literal.back() == ']';
    if (in_brackets) literal = literal.substr(1, literal.size() - 2);
    char terminated[INET6_ADDRSTRLEN];
    if (!copy_canonical(literal, terminated)) return std::nullopt;
    in_addr v4{};
    if (!in_brackets && ::inet_pton(AF_INET, terminated, &v4) == 1) return ipv4(ntohl(v4.s_addr), port);
    in6_addr v6{};
    if (::inet_pton(AF_INET6, terminated, &v6) == 1) return ipv6(v6, port);
    return std::nullopt;
}

bool SocketAddress::is_wildcard() const {
    if (is_ipv4()) return ipv4_.sin_addr.s_addr == INADDR_ANY;
    return is_ipv6() && IN6_IS_ADDR_UNSPECIFIED(&ipv6_.sin6_addr);
}

uint16_t SocketAddress::port() const {
    if (is_ipv4()) return ntohs(ipv4_.sin_port);
    return is_ipv6() ? ntohs(ipv6_.sin6_port) : uint16_t{0};
}

void SocketAddress::set_port(uint16_t port) {
    if (is_ipv4()) ipv4_.sin_port = htons(port);
    if (is_ipv6()) ipv6_.sin6_port = htons(port);
}

void SocketAddress::write_host(TextBuilder& out) const {
    char room[INET6_ADDRSTRLEN];
    if (is_ipv4()) {
        const uint32_t address = ntohl(ipv4_.sin_addr.s_addr);
        out.add(address >> 24U, '.', (address >> 16U) & 255U, '.', (address >> 8U) & 255U, '.', address & 255U);
    } else if (is_ipv6()) {
        out.add(::inet_ntop(AF_INET6, &ipv6_.sin6_addr, room, sizeof room));
    } else if (is_unix()) {
        out.add("unix:");
    }
}

void SocketAddress::write(TextBuilder& out) const {
    if (is_ipv6()) out.add('[');
    write_host(out);
    if (is_ipv6()) out.add(']');
    if (is_unix()) {
        out.add(path_of(unix_, length_));
    } else if (family() != AF_UNSPEC) {
        out.add(':', port());
    }
}

Text SocketAddress::host_text(Arena& arena) const {
    char room[INET6_ADDRSTRLEN];
    TextBuilder out(room);
    write_host(out);
    return arena.copy(out.text());
}

Text SocketAddress::text(Arena& arena) const {
    char room[sizeof(sockaddr_un) + 8];
    TextBuilder out(room);
    write(out);
    return arena.copy(out.text());
}

bool SocketAddress::operator==(const SocketAddress& other) const {
    if (family() != other.family()) return false;
    if (is_ipv4())
        return ipv4_.sin_addr.s_addr == other.ipv4_.sin_addr.s_addr && ipv4_.sin_port == other.ipv4_.sin_port;
    if (is_ipv6())
        return IN6_ARE_ADDR_EQUAL(&ipv6_.sin6_addr, &other.ipv6_.sin6_addr) &&
               ipv6_.sin6_port == other.ipv6_.sin6_port;
    return !is_unix() || path_of(unix_, length_) == path_of(other.unix_, other.length_);
}

PeerAddress::PeerAddress(const SocketAddress& address) : ipv6_{} {
    if (address.is_ipv4() || address.is_ipv6()) {
        std::memcpy(&ipv6_, address.get(), std::min<size_t>(address.length(), sizeof ipv6_));
    } else {
        any_.sa_family = address.family();
    }
}

SocketAddress PeerAddress::socket_address() const {
    switch (any_.sa_family) {
        case AF_INET: return {&any_, sizeof ipv4_};
        case AF_INET6: return {&any_, sizeof ipv6_};
        default: return {&any_, sizeof any_.sa_family};
    }
}

Text PeerAddress::ip_bytes() const {
    if (any_.sa_family == AF_INET) return {reinterpret_cast<const char*>(&ipv4_.sin_addr), sizeof ipv4_.sin_addr};
    if (any_.sa_family == AF_INET6) return {reinterpret_cast<const char*>(&ipv6_.sin6_addr), sizeof ipv6_.sin6_addr};
    return {};
}

}  // namespace sluice::event
