// Validation and splitting of hosts.
#include "http/fields/host.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::http {
namespace {

/// unreserved / sub-delims of RFC 3986 §2, and `%` for pct-encoded, whose digits are checked apart. Not the comma:
/// "a,b" is what two Host lines look like once somebody has joined them, and others would read another host in it.
constexpr std::array<bool, 256> make_host_bytes() {
    std::array<bool, 256> table{};
    for (int c = 0; c < 128; ++c)
        table[static_cast<size_t>(c)] = text::is_digit(static_cast<char>(c)) || text::is_alpha(static_cast<char>(c));
    for (const char c : Text("-._~!$&'()*+;=%")) table[static_cast<unsigned char>(c)] = true;
    return table;
}
constexpr std::array<bool, 256> kHostBytes = make_host_bytes();

bool is_escape_valid(Text host, size_t at) {
    return at + 2 < host.size() && text::hex_value(host[at + 1]) >= 0 && text::hex_value(host[at + 2]) >= 0;
}

bool is_name_valid(Text name) {
    for (size_t i = 0; i < name.size(); ++i) {
        if (!kHostBytes[static_cast<unsigned char>(name[i])]) return false;
        if (name[i] == '%' && !is_escape_valid(name, i)) return false;
        if (name[i] == '.' && i > 0 && name[i - 1] == '.') return false;
    }
    return !name.empty();
}

/// dec-octet "." dec-octet "." dec-octet "." dec-octet (RFC 3986 §3.2.2): no leading zeros.
bool is_ipv4_address(Text address) {
    size_t octets = 0;
    for (bool more = true; more; ++octets) {
        more = address.find('.') != Text::npos;
        const Text octet = text::split_off(address, '.');
        const auto value = text::parse_uint(octet);
        if (!value || *value > 255 || octet.size() > 3 || (octet.size() > 1 && octet[0] == '0')) return false;
    }
    return octets == 4;
}

bool is_hex_group(Text group) {
    return !group.empty() && group.size() <= 4 &&
           std::all_of(group.begin(), group.end(), [](char c) { return text::hex_value(c) >= 0; });
}

/// Number of 16-bit groups in `part` (one side of `::`), or -1 when malformed. Only the last part may end in IPv4.
int count_groups(Text part, bool may_end_in_ipv4) {
    if (part.empty()) return 0;
    int groups = 0;
    while (true) {
        const bool is_last = part.find(':') == Text::npos;
        const Text group = text::split_off(part, ':');
        if (is_last && may_end_in_ipv4 && is_ipv4_address(group)) return groups + 2;
        if (!is_hex_group(group)) return -1;
        ++groups;
        if (is_last) return groups;
    }
}

/// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_future_address(Text address) {
    if (address.size() < 4 || text::to_lower(address[0]) != 'v') return false;
    const size_t dot = address.find('.');
    if (dot == Text::npos || dot < 2 || dot + 1 == address.size()) return false;
    const Text version = address.substr(1, dot - 1);
    const Text rest = address.substr(dot + 1);
    return std::all_of(version.begin(), version.end(), [](char c) { return text::hex_value(c) >= 0; }) &&
           std::all_of(rest.begin(), rest.end(),
                       [](char c) { return c == ':' || (c != '%' && kHostBytes[static_cast<unsigned char>(c)]); });
}

bool is_port_valid(Text port) {
    if (port.empty()) return true;
    const auto number = text::parse_uint(port);
    return number && port.size() <= 5 && *number <= 65535;
}

/// Length of the host in front of an optional port; 0 when there is no valid host.
size_t host_length(Text value) {
    if (value.empty() || value.front() != '[') {
        const Text name = value.substr(0, value.find(':'));
        return is_name_valid(name) ? name.size() : 0;
    }
    const size_t close = value.find(']');
    if (close == Text::npos) return 0;
    const Text address = value.substr(1, close - 1);
    return is_ipv6_address(address) || is_future_address(address) ? close + 1 : 0;
}

/// The last good authority: requests name the same one again and again.
class LastAuthority {
 public:
    /// As it was told of the same bytes before.
    std::optional<Authority> find(Text value) const {
        if (value.empty() || value.size() != size_ || std::memcmp(value.data(), bytes_, size_) != 0)
            return std::nullopt;
        return Authority{.host = value.substr(0, host_),
                         .port = port_ == 0 ? Text{} : value.substr(port_),
                         .has_port = port_ != 0,
                         .is_ip_literal = is_ip_literal_};
    }
    void remember(Text value, const Authority& authority) {
        if (value.size() > sizeof bytes_) return;
        std::memcpy(bytes_, value.data(), value.size());
        size_ = value.size();
        host_ = authority.host.size();
        port_ = authority.has_port ? value.size() - authority.port.size() : 0;
        is_ip_literal_ = authority.is_ip_literal;
    }

 private:
    char bytes_[64] = {};
    size_t size_ = 0;
    size_t host_ = 0;  ///< length of the host
    size_t port_ = 0;  ///< where the port begins; 0: there is none
    bool is_ip_literal_ = false;
};
constinit LastAuthority last_authority{};

}  // namespace

bool is_ipv6_address(Text address) {
    const size_t gap = address.find("::");
    if (gap == Text::npos) return count_groups(address, true) == 8;
    const int before = count_groups(address.substr(0, gap), false);
    const int after = count_groups(address.substr(gap + 2), true);
    return before >= 0 && after >= 0 && before + after < 8;
}

std::optional<Authority> parse_authority(Text value) {
    if (const std::optional<Authority> known = last_authority.find(value)) return known;
    const size_t length = host_length(value);
    if (length == 0) return std::nullopt;
    Authority authority;
    authority.is_ip_literal = value.front() == '[';
    authority.host = value.substr(0, length);
    const Text rest = value.substr(length);
    if (!rest.empty()) {
        if (rest.front() != ':' || !is_port_valid(rest.substr(1))) return std::nullopt;
        authority.has_port = true;
        authority.port = rest.substr(1);
    }
    if (authority.host.back() == '.') authority.host.remove_suffix(1);
    if (authority.host.empty()) return std::nullopt;
    last_authority.remember(value, authority);
    return authority;
}

Text lower_case_host(Text host, std::span<char> out) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (std::none_of(host.begin(), host.end(), is_upper)) return host;
    std::transform(host.begin(), host.end(), out.begin(), text::to_lower);
    return {out.data(), host.size()};
}

}  // namespace sluice::http
