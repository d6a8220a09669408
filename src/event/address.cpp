// SocketAddress: reading, printing and comparing addresses.
#include "event/address.h"

#include <cstring>

#include <arpa/inet.h>

namespace sluice::event {

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) : unix_{} {
    length_ = length < capacity() ? length : capacity();
    std::memcpy(&unix_, address, length_);
}

SocketAddress SocketAddress::ipv4(uint32_t host_order_address, uint16_t port) {
    SocketAddress made;
    made.ipv4_ = {};
    made.ipv4_.sin_family = AF_INET;
    made.ipv4_.sin_port = htons(port);
    made.ipv4_.sin_addr.s_addr = htonl(host_order_address);
    made.length_ = sizeof(sockaddr_in);
    return made;
}

SocketAddress SocketAddress::ipv6(const in6_addr& address, uint16_t port) {
    SocketAddress made;
    made.ipv6_ = {};
    made.ipv6_.sin6_family = AF_INET6;
    made.ipv6_.sin6_port = htons(port);
    made.ipv6_.sin6_addr = address;
    made.length_ = sizeof(sockaddr_in6);
    return made;
}

std::optional<SocketAddress> SocketAddress::unix_path(Text path) {
    SocketAddress made;
    made.unix_ = {};
    if (path.empty() || path.size() >= sizeof(made.unix_.sun_path)) return std::nullopt;
    made.unix_.sun_family = AF_UNIX;
    std::memcpy(made.unix_.sun_path, path.data(), path.size());
    made.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return made;
}

std::optional<SocketAddress> SocketAddress::parse_ip(Text literal, uint16_t port) {
    char room[INET6_ADDRSTRLEN];
    const bool is_bracketed = literal.starts_with('[') && literal.ends_with(']');
    if (is_bracketed) literal = literal.substr(1, literal.size() - 2);
    if (literal.empty() || literal.size() >= sizeof(room)) return std::nullopt;
    std::memcpy(room, literal.data(), literal.size());
    room[literal.size()] = '\0';
    in_addr four{};
    if (!is_bracketed && ::inet_pton(AF_INET, room, &four) == 1) return ipv4(ntohl(four.s_addr), port);
    in6_addr six{};
    if (::inet_pton(AF_INET6, room, &six) == 1) return ipv6(six, port);
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
        out.add(address >> 24U, '.', address >> 16U & 255U, '.', address >> 8U & 255U, '.', address & 255U);
    } else if (is_ipv6()) {
        out.add(Text(::inet_ntop(AF_INET6, &ipv6_.sin6_addr, room, sizeof(room))));
    } else {
        out.add("unix:");
    }
}

void SocketAddress::write(TextBuilder& out) const {
    if (is_unix()) {
        const size_t path = length_ > offsetof(sockaddr_un, sun_path) ? length_ - offsetof(sockaddr_un, sun_path) : 0;
        out.add("unix:", Text(unix_.sun_path, ::strnlen(unix_.sun_path, path)));
        return;
    }
    if (is_ipv6()) out.add('[');
    write_host(out);
    if (is_ipv6()) out.add(']');
    out.add(':', port());
}

namespace {

template <void (SocketAddress::*Write)(TextBuilder&) const>
Text to_text(const SocketAddress& address, Arena& arena) {
    char room[160];
    TextBuilder out(room);
    (address.*Write)(out);
    return arena.copy(out.text());
}

}  // namespace

Text SocketAddress::host_text(Arena& arena) const {
    return to_text<&SocketAddress::write_host>(*this, arena);
}
Text SocketAddress::text(Arena& arena) const {
    return to_text<&SocketAddress::write>(*this, arena);
}

bool SocketAddress::operator==(const SocketAddress& other) const {
    if (family() != other.family()) return false;
    if (is_ipv4())
        return ipv4_.sin_port == other.ipv4_.sin_port && ipv4_.sin_addr.s_addr == other.ipv4_.sin_addr.s_addr;
    if (is_ipv6())
        return ipv6_.sin6_port == other.ipv6_.sin6_port &&
               IN6_ARE_ADDR_EQUAL(&ipv6_.sin6_addr, &other.ipv6_.sin6_addr);
    return is_unix() && Text(unix_.sun_path) == Text(other.unix_.sun_path);
}

}  // namespace sluice::event
