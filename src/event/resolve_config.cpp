// Host names in a configuration.
#include "event/resolve_config.h"

#include <memory>
#include <string>

#include <netdb.h>

namespace sluice::event {

namespace {

/// How the messages name the place.
struct Wording {
    Text before;  ///< ` in upstream "`
    Text after;   ///< `"`
};
constexpr Wording kListen{" in \"", "\" of the \"listen\" directive"};
constexpr Wording kUpstream{" in upstream \"", "\""};

Error fail(Text what, const Wording& wording, Text value) {
    std::string text(what);
    text.append(wording.before).append(value).append(wording.after);
    return Error(std::move(text));
}

struct Split {
    Text host;
    Text port;
    bool has_port = false;
};

Split split(Text value) {
    if (value.starts_with('[')) {
        const size_t end = value.find(']');
        if (end == Text::npos) return {value, {}, false};
        const Text rest = value.substr(end + 1);
        return {value.substr(0, end + 1), rest.starts_with(':') ? rest.substr(1) : Text{}, rest.starts_with(':')};
    }
    const size_t colon = value.rfind(':');
    if (colon == Text::npos) return {value, {}, false};
    return {value.substr(0, colon), value.substr(colon + 1), true};
}

Result<std::vector<SocketAddress>> look_up(Text host, uint16_t port, const Wording& wording, Text value) {
    if (const auto literal = SocketAddress::parse_ip(host, port)) return std::vector{*literal};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (::getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found) != 0)
        return fail("host not found", wording, value);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const int family : {AF_INET, AF_INET6}) {
        for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
            if (each->ai_family != family) continue;
            SocketAddress address(each->ai_addr, each->ai_addrlen);
            address.set_port(port);
            addresses.push_back(address);
        }
    }
    if (addresses.empty()) return fail("host not found", wording, value);
    return addresses;
}

Result<std::vector<SocketAddress>> resolve_unix(Text value, const Wording& wording) {
    const auto address = SocketAddress::unix_path(value.substr(5));
    if (!address)
        return fail(
            value.size() == 5 ? "no path in the unix domain socket" : "too long path in the unix domain socket",
            wording, value);
    return std::vector{*address};
}

Result<uint16_t> read_port(Text port, const Wording& wording, Text value) {
    const std::optional<uint64_t> number = text::parse_uint(port);
    if (!number || *number == 0 || *number > UINT16_MAX) return fail("invalid port", wording, value);
    return static_cast<uint16_t>(*number);
}

}  // namespace

Result<std::vector<SocketAddress>> resolve_listen(Text value, uint16_t default_port) {
    if (value.starts_with("unix:")) return resolve_unix(value, kListen);
    const Split parts = split(value);
    // A number alone is a port.
    if (!parts.has_port && text::parse_uint(value)) {
        Result<uint16_t> port = read_port(value, kListen, value);
        if (!port) return port.error();
        return std::vector{SocketAddress::ipv4(INADDR_ANY, *port)};
    }
    uint16_t number = default_port;
    if (parts.has_port) {
        Result<uint16_t> port = read_port(parts.port, kListen, value);
        if (!port) return port.error();
        number = *port;
    }
    if (parts.host == "*") return std::vector{SocketAddress::ipv4(INADDR_ANY, number)};
    if (parts.host.empty()) return fail("no host", kListen, value);
    if (parts.host.starts_with('[') && !SocketAddress::parse_ip(parts.host, number))
        return fail("invalid IPv6 address", kListen, value);
    return look_up(parts.host, number, kListen, value);
}

Result<std::vector<SocketAddress>> resolve_upstream(Text value, uint16_t default_port) {
    if (value.starts_with("unix:")) return resolve_unix(value, kUpstream);
    const Split parts = split(value);
    if (parts.host.empty()) return fail("no host", kUpstream, value);
    uint16_t number = default_port;
    if (parts.has_port) {
        Result<uint16_t> port = read_port(parts.port, kUpstream, value);
        if (!port) return port.error();
        number = *port;
    }
    if (parts.host.starts_with('[') && !SocketAddress::parse_ip(parts.host, number))
        return fail("invalid IPv6 address", kUpstream, value);
    return look_up(parts.host, number, kUpstream, value);
}

}  // namespace sluice::event
