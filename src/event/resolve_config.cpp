// Host names in a configuration.
#include "event/resolve_config.h"

#include <algorithm>
#include <memory>
#include <optional>
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
    bool is_valid = true;
};

Split split(Text value) {
    const Split kInvalid{.host = {}, .port = {}, .has_port = false, .is_valid = false};
    if (value.find_first_of("/?") != Text::npos) return kInvalid;
    const size_t end = value.starts_with('[') ? value.find(']') : 0;
    if (end == Text::npos) return kInvalid;
    const size_t colon = value.find(':', end);
    if (end != 0 && end + 1 != std::min(colon, value.size())) return kInvalid;
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

std::optional<uint16_t> to_port(Text text) {
    const std::optional<uint64_t> number = text::parse_uint(text);
    if (!number || *number == 0 || *number > UINT16_MAX) return std::nullopt;
    return static_cast<uint16_t>(*number);
}

struct PortRange {
    uint16_t first = 0;
    uint16_t last = 0;
};

/// "80" or "8000-8010".
Result<PortRange> read_ports(Text text, Text value) {
    const size_t dash = text.find('-');
    const std::optional<uint16_t> first = to_port(text.substr(0, dash));
    const std::optional<uint16_t> last = dash == Text::npos ? first : to_port(text.substr(dash + 1));
    if (!first || !last) return fail("invalid port", kListen, value);
    if (*last < *first) return fail("invalid port range", kListen, value);
    return PortRange{*first, *last};
}

/// Digits alone, or two such with a dash, are ports.
bool is_port(Text value) {
    const size_t dash = value.find('-');
    return text::parse_uint(value.substr(0, dash)) &&
           (dash == Text::npos || text::parse_uint(value.substr(dash + 1)));
}

Result<std::vector<SocketAddress>> find_host(Text host, uint16_t port, Text value) {
    if (host == "*") return std::vector{SocketAddress::ipv4(INADDR_ANY, port)};
    if (host.empty() || host == "[]") return fail("no host", kListen, value);
    if (host.starts_with('[') && !SocketAddress::parse_ip(host, port))
        return fail("invalid IPv6 address", kListen, value);
    return look_up(host, port, kListen, value);
}

}  // namespace

HostPort split_host_port(Text value) {
    const Split parts = split(value);
    if (!parts.is_valid) return {.error = "invalid host"};
    const std::optional<uint16_t> port = parts.has_port ? to_port(parts.port) : uint16_t{0};
    if (!port) return {.host = parts.host, .error = "invalid port"};
    if (parts.host.empty() || parts.host == "[]") return {.error = "no host"};
    if (parts.host.starts_with('[') && !SocketAddress::parse_ip(parts.host, *port))
        return {.host = parts.host, .error = "invalid IPv6 address"};
    return {parts.host, *port, {}};
}

std::optional<SocketAddress> parse_local(Text value) {
    if (!value.ends_with(']'))
        if (const auto address = SocketAddress::parse_ip(value, 0)) return address;
    const HostPort parts = split_host_port(value);
    if (parts.port == 0) return std::nullopt;
    return SocketAddress::parse_ip(parts.host, parts.port);
}

Result<std::vector<SocketAddress>> resolve_listen(Text value, uint16_t default_port) {
    if (value.starts_with("unix:")) return resolve_unix(value, kListen);
    Split parts = split(value);
    if (!parts.is_valid) return fail("invalid host", kListen, value);
    if (!parts.has_port && is_port(value)) parts = {"*", value, true};
    PortRange ports{default_port, default_port};
    if (parts.has_port) {
        Result<PortRange> read = read_ports(parts.port, value);
        if (!read) return read.error();
        ports = *read;
    }
    Result<std::vector<SocketAddress>> found = find_host(parts.host, ports.first, value);
    if (!found) return found;
    const size_t hosts = found->size();
    for (uint32_t port = ports.first + 1U; port <= ports.last; ++port) {
        for (size_t i = 0; i < hosts; ++i) {
            found->push_back((*found)[i]);
            found->back().set_port(static_cast<uint16_t>(port));
        }
    }
    return found;
}

Result<std::vector<SocketAddress>> resolve_upstream(Text value, uint16_t default_port) {
    if (value.starts_with("unix:")) return resolve_unix(value, kUpstream);
    const HostPort parts = split_host_port(value);
    if (!parts.error.empty()) return fail(parts.error, kUpstream, value);
    return look_up(parts.host, parts.port != 0 ? parts.port : default_port, kUpstream, value);
}

}  // namespace sluice::event
