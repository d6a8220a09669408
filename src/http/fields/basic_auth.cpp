// Basic credentials: base64 (RFC 4648 §4) of user, colon and password.
#include "http/fields/basic_auth.h"

namespace sluice::http {

namespace {

/// Value of a base64 digit, or -1.
int digit_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (text::is_digit(c)) return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

/// Padding may be left out; other bytes are an error.
std::optional<Text> decode(Arena& arena, Text encoded) {
    while (encoded.ends_with('=')) encoded.remove_suffix(1);
    if (encoded.size() % 4 == 1) return std::nullopt;
    char* const begin = arena.make_bytes(encoded.size()).data();
    char* at = begin;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : encoded) {
        const int value = digit_value(c);
        if (value < 0) return std::nullopt;
        bits = bits << 6U | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        *at++ = static_cast<char>(bits >> count & 0xffU);
    }
    return Text(begin, static_cast<size_t>(at - begin));
}

}  // namespace

std::optional<BasicCredentials> parse_basic_auth(Arena& arena, Text value) {
    constexpr Text kScheme = "Basic ";
    if (!text::istarts_with(value, kScheme)) return std::nullopt;
    const std::optional<Text> plain = decode(arena, text::trim(value.substr(kScheme.size())));
    if (!plain) return std::nullopt;
    const size_t colon = plain->find(':');
    if (colon == Text::npos) return std::nullopt;
    return BasicCredentials{plain->substr(0, colon), plain->substr(colon + 1)};
}

}  // namespace sluice::http
