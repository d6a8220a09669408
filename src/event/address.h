// SocketAddress: where a socket is bound or connected to: IPv4, IPv6 or a unix path. No name is ever looked up here.
#pragma once

#include <cstdint>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/base/text_builder.h"

namespace sluice::event {

class SocketAddress {
 public:
    SocketAddress() : any_{} {}
    SocketAddress(const sockaddr* address, socklen_t length);

    static SocketAddress ipv4(uint32_t host_order_address, uint16_t port);
    static SocketAddress ipv6(const in6_addr& address, uint16_t port);
    /// `path` up to 107 bytes; nothing when it is longer or empty.
    static std::optional<SocketAddress> unix_path(Text path);
    /// A literal without port: "127.0.0.1", "::1", "[::1]"; nothing for anything else.
    static std::optional<SocketAddress> parse_ip(Text literal, uint16_t port);

    sa_family_t family() const { return any_.sa_family; }
    bool is_unix() const { return family() == AF_UNIX; }
    bool is_ipv4() const { return family() == AF_INET; }
    bool is_ipv6() const { return family() == AF_INET6; }
    /// 0.0.0.0 or ::
    bool is_wildcard() const;
    uint16_t port() const;
    void set_port(uint16_t port);

    const sockaddr* get() const { return &any_; }
    sockaddr* get() { return &any_; }
    socklen_t length() const { return length_; }
    void set_length(socklen_t length) { length_ = length; }
    static constexpr socklen_t capacity() { return sizeof(sockaddr_un); }

    /// "127.0.0.1", "::1", "unix:" (as $remote_addr prints it).
    void write_host(TextBuilder& out) const;
    /// "127.0.0.1:80", "[::1]:80", "unix:/path".
    void write(TextBuilder& out) const;
    Text host_text(Arena& arena) const;
    Text text(Arena& arena) const;

    /// Same family, address, port or path.
    bool operator==(const SocketAddress& other) const;

 private:
    union {
        sockaddr any_;
        sockaddr_in ipv4_;
        sockaddr_in6 ipv6_;
        sockaddr_un unix_;
    };
    socklen_t length_ = 0;
};

/// The other end of an accepted connection, kept small because every idle connection has one: an IP address with its
/// port, or a unix socket, whose path nobody asks for.
class PeerAddress {
 public:
    explicit PeerAddress(const SocketAddress& address);

    SocketAddress socket_address() const;
    bool is_unix() const { return any_.sa_family == AF_UNIX; }
    /// 0 for a unix socket.
    uint16_t port() const { return socket_address().port(); }
    /// The IP address in network order: 4 or 16 bytes, part of this object; empty for a unix socket.
    Text ip_bytes() const;
    void write_host(TextBuilder& out) const { socket_address().write_host(out); }
    Text host_text(Arena& arena) const { return socket_address().host_text(arena); }

 private:
    union {
        sockaddr any_;
        sockaddr_in ipv4_;
        sockaddr_in6 ipv6_;
    };
};

}  // namespace sluice::event
