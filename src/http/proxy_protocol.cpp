// PROXY protocol: reading the header.
#include "http/proxy_protocol.h"

#include <array>
#include <cstring>
#include <optional>

namespace sluice::http {

namespace {

using Outcome = ProxyParse::Outcome;

constexpr Text kMagic{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr Text kWord = "PROXY ";
constexpr size_t kLongestLine = 107;
constexpr size_t kFixedPart = 16;  // magic, version and command, family, length
constexpr ProxyParse kBrokenText{.outcome = Outcome::broken};
constexpr ProxyParse kTooLarge{.outcome = Outcome::broken, .complaint = "header is too large"};
constexpr ProxyParse kTooShort{.outcome = Outcome::broken, .complaint = "header has no room for its addresses"};

uint8_t byte_at(Text bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

uint16_t short_at(Text bytes, size_t at) {
    return static_cast<uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

// --- version 1: PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 CRLF ---

std::optional<event::SocketAddress> text_address(Text host, Text port, sa_family_t family) {
    const std::optional<uint64_t> number = text::parse_uint(port);
    if (!number || *number > UINT16_MAX) return std::nullopt;
    std::optional<event::SocketAddress> made = event::SocketAddress::parse_ip(host, static_cast<uint16_t>(*number));
    if (made && made->family() != family) return std::nullopt;
    return made;
}

bool parse_line(Text line, ProxyHeader& header) {
    line.remove_prefix(kWord.size());
    const Text protocol = text::split_off(line, ' ');
    if (protocol == "UNKNOWN") return true;
    if (protocol != "TCP4" && protocol != "TCP6") return false;
    const sa_family_t family = protocol == "TCP4" ? AF_INET : AF_INET6;
    const Text source = text::split_off(line, ' ');
    const Text destination = text::split_off(line, ' ');
    const Text source_port = text::split_off(line, ' ');
    const auto from = text_address(source, source_port, family);
    const auto to = text_address(destination, line, family);
    if (!from || !to) return false;
    header.source = *from;
    header.destination = *to;
    header.has_addresses = true;
    return true;
}

ProxyParse parse_text(Text bytes, ProxyHeader& header) {
    const size_t known = std::min(bytes.size(), kWord.size());
    if (bytes.substr(0, known) != kWord.substr(0, known)) return kBrokenText;
    const size_t end = bytes.substr(0, kLongestLine).find('\n');
    if (end == Text::npos) return bytes.size() < kLongestLine ? ProxyParse{} : kBrokenText;
    if (end < kWord.size() || bytes[end - 1] != '\r' || !parse_line(bytes.substr(0, end - 1), header))
        return kBrokenText;
    return {.outcome = Outcome::done, .size = end + 1};
}

// --- version 2 ---

constexpr uint8_t kProxyCommand = 1;
constexpr uint8_t kStreamTransport = 1;
constexpr size_t kAddresses4 = 12;
constexpr size_t kAddresses6 = 36;

void take_ipv4(Text at, ProxyHeader& header) {
    const auto host = [&](size_t i) { return static_cast<uint32_t>(short_at(at, i)) << 16U | short_at(at, i + 2); };
    header.source = event::SocketAddress::ipv4(host(0), short_at(at, 8));
    header.destination = event::SocketAddress::ipv4(host(4), short_at(at, 10));
}

void take_ipv6(Text at, ProxyHeader& header) {
    in6_addr source{};
    in6_addr destination{};
    std::memcpy(&source, at.data(), sizeof source);
    std::memcpy(&destination, at.data() + sizeof source, sizeof destination);
    header.source = event::SocketAddress::ipv6(source, short_at(at, 32));
    header.destination = event::SocketAddress::ipv6(destination, short_at(at, 34));
}

ProxyParse parse_binary(Text bytes, ProxyHeader& header) {
    const size_t known = std::min(bytes.size(), kMagic.size());
    if (bytes.substr(0, known) != kMagic.substr(0, known)) return kBrokenText;
    if (bytes.size() < kFixedPart) return {};
    const unsigned version = byte_at(bytes, 12) >> 4U;
    if (version != 2) return {.outcome = Outcome::broken, .version = static_cast<int>(version)};
    const size_t size = kFixedPart + short_at(bytes, 14);
    if (size > kMostProxyHeader) return kTooLarge;
    if (bytes.size() < size) return {};
    const ProxyParse done{.outcome = Outcome::done, .size = size};
    const unsigned command = byte_at(bytes, 12) & 15U;
    const unsigned family = byte_at(bytes, 13) >> 4U;
    const unsigned transport = byte_at(bytes, 13) & 15U;
    const bool has_addresses = family == 1 || family == 2;
    if (command != kProxyCommand || transport != kStreamTransport || !has_addresses) return done;
    const Text rest = bytes.substr(kFixedPart, size - kFixedPart);
    const size_t addresses = family == 1 ? kAddresses4 : kAddresses6;
    if (rest.size() < addresses) return kTooShort;
    if (family == 1) {
        take_ipv4(rest, header);
    } else {
        take_ipv6(rest, header);
    }
    header.has_addresses = true;
    header.tlvs = std::string(rest.substr(addresses));
    return done;
}

// --- TLVs ---

struct Known {
    Text name;
    uint8_t type;
};
constexpr uint8_t kTls = 0x20;
constexpr size_t kTlsFixedPart = 5;  // flags of the client, result of the verification
constexpr std::array kKnown{Known{"alpn", 0x01}, Known{"authority", 0x02}, Known{"unique_id", 0x05},
                            Known{"netns", 0x30}};
constexpr std::array kKnownOfTls{Known{"version", 0x21}, Known{"cn", 0x22}, Known{"cipher", 0x23},
                                 Known{"sig_alg", 0x24}, Known{"key_alg", 0x25}};

/// Null Text when there is none, or when the list is broken before it.
Text find_tlv(Text list, uint8_t type) {
    while (list.size() >= 3) {
        const size_t size = short_at(list, 1);
        if (list.size() < 3 + size) return {};
        if (byte_at(list, 0) == type) return list.substr(3, size);
        list.remove_prefix(3 + size);
    }
    return {};
}

std::optional<uint8_t> numbered(Text name) {
    if (!name.starts_with("0x") || name.size() < 3 || name.size() > 4) return std::nullopt;
    unsigned value = 0;
    for (const char c : name.substr(2)) {
        const int digit = text::hex_value(c);
        if (digit < 0) return std::nullopt;
        value = value * 16 + static_cast<unsigned>(digit);
    }
    return static_cast<uint8_t>(value);
}

Text find_known(std::span<const Known> table, Text list, Text name) {
    for (const Known& one : table)
        if (one.name == name) return find_tlv(list, one.type);
    return {};
}

}  // namespace

ProxyParse parse_proxy_header(Text bytes, ProxyHeader& header) {
    if (bytes.empty()) return {};
    return bytes.front() == kMagic.front() ? parse_binary(bytes, header) : parse_text(bytes, header);
}

Text ProxyHeader::tlv(Text name) const {
    if (const std::optional<uint8_t> type = numbered(name)) return find_tlv(tlvs, *type);
    if (!name.starts_with("ssl_")) return find_known(kKnown, tlvs, name);
    const Text tls = find_tlv(tlvs, kTls);
    if (tls.size() < kTlsFixedPart) return {};
    return find_known(kKnownOfTls, tls.substr(kTlsFixedPart), name.substr(4));
}

}  // namespace sluice::http
