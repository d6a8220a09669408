// The two log escapes.
#include "http/uri/log_escape.h"

#include <cstring>

namespace sluice::http::uri {
namespace {

constexpr Text kDigits = "0123456789ABCDEF";

bool is_plain_in_log(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

bool is_plain_in_json(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// The letter of a two-character escape, or 0 where JSON has none.
char short_json_escape(char c) {
    switch (c) {
        case '"':
        case '\\': return c;
        case '\n': return 'n';
        case '\r': return 'r';
        case '\t': return 't';
        case '\b': return 'b';
        case '\f': return 'f';
        default: return 0;
    }
}

char* put_hex(char* out, Text prefix, char c) {
    const auto byte = static_cast<unsigned char>(c);
    std::memcpy(out, prefix.data(), prefix.size());
    out += prefix.size();
    *out++ = kDigits[byte >> 4U];
    *out++ = kDigits[byte & 15U];
    return out;
}

}  // namespace

size_t log_escaped_size(Text source) {
    size_t size = source.size();
    for (const char c : source) size += is_plain_in_log(c) ? 0 : 3;
    return size;
}

Text log_escape(Text source, std::span<char> out) {
    const size_t size = log_escaped_size(source);
    if (size == source.size()) return source;
    char* at = out.data();
    for (const char c : source) {
        if (is_plain_in_log(c))
            *at++ = c;
        else
            at = put_hex(at, "\\x", c);
    }
    return {out.data(), size};
}

size_t json_escaped_size(Text source) {
    size_t size = source.size();
    for (const char c : source) {
        if (!is_plain_in_json(c)) size += short_json_escape(c) != 0 ? 1 : 5;
    }
    return size;
}

Text json_escape(Text source, std::span<char> out) {
    const size_t size = json_escaped_size(source);
    if (size == source.size()) return source;
    char* at = out.data();
    for (const char c : source) {
        if (is_plain_in_json(c)) {
            *at++ = c;
        } else if (const char letter = short_json_escape(c); letter != 0) {
            *at++ = '\\';
            *at++ = letter;
        } else {
            at = put_hex(at, "\\u00", c);
        }
    }
    return {out.data(), size};
}

}  // namespace sluice::http::uri
