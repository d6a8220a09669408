// One bit per escape set for each byte.
#include "http/uri/escape.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::http::uri {
namespace {

constexpr size_t kSets = 7;
using Table = std::array<uint8_t, 256>;

constexpr uint8_t bit(Escape set) {
    return static_cast<uint8_t>(1U << static_cast<unsigned>(set));
}

constexpr void add(Table& table, Escape set, Text bytes) {
    for (const char c : bytes) table[static_cast<unsigned char>(c)] |= bit(set);
}

constexpr bool is_unreserved(char c) {
    return text::is_alpha(c) || text::is_digit(c) || Text("-._~").find(c) != Text::npos;
}

constexpr Table make_table() {
    Table table{};
    constexpr auto kAll = static_cast<uint8_t>((1U << kSets) - 1);
    for (size_t byte = 0; byte < 256; ++byte) {
        if (byte < 0x20) table[byte] = kAll;
        if (byte >= 0x7f) table[byte] = static_cast<uint8_t>(kAll & ~bit(Escape::memcached) & ~bit(Escape::target));
        if (!is_unreserved(static_cast<char>(byte))) table[byte] |= bit(Escape::component);
    }
    add(table, Escape::path, " \"#%<>?\\^`{|}");
    add(table, Escape::args, " \"#%<>?\\^`{|}&+;");
    add(table, Escape::html, " \"#%'");
    add(table, Escape::refresh, " \"'<>\\^`{|}");
    add(table, Escape::memcached, " %");
    add(table, Escape::target, " \x7f");
    return table;
}

constexpr Table kTable = make_table();

bool needs_escape(char c, Escape set) {
    return (kTable[static_cast<unsigned char>(c)] & bit(set)) != 0;
}

Text html_reference(char c) {
    switch (c) {
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '&': return "&amp;";
        case '"': return "&quot;";
        default: return {};
    }
}

}  // namespace

size_t escaped_size(Text source, Escape set) {
    const auto escapes = std::count_if(source.begin(), source.end(), [set](char c) { return needs_escape(c, set); });
    return source.size() + 2 * static_cast<size_t>(escapes);
}

Text escape(Text source, Escape set, std::span<char> out) {
    const size_t size = escaped_size(source, set);
    if (size == source.size()) return source;
    char* at = out.data();
    for (const char c : source) {
        if (!needs_escape(c, set)) {
            *at++ = c;
            continue;
        }
        constexpr Text kDigits = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        *at++ = '%';
        *at++ = kDigits[byte >> 4U];
        *at++ = kDigits[byte & 15U];
    }
    return {out.data(), size};
}

int decode_escape(Text rest) {
    if (rest.size() < 3) return -1;
    const int high = text::hex_value(rest[1]);
    const int low = text::hex_value(rest[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Text unescape(Text source, std::span<char> out) {
    size_t length = 0;
    for (size_t i = 0; i < source.size(); ++i) {
        const int byte = source[i] == '%' ? decode_escape(source.substr(i)) : -1;
        out[length++] = byte < 0 ? source[i] : static_cast<char>(byte);
        if (byte >= 0) i += 2;
    }
    return {out.data(), length};
}

size_t escaped_html_size(Text source) {
    size_t size = source.size();
    for (const char c : source) {
        const Text reference = html_reference(c);
        if (!reference.empty()) size += reference.size() - 1;
    }
    return size;
}

Text escape_html(Text source, std::span<char> out) {
    const size_t size = escaped_html_size(source);
    if (size == source.size()) return source;
    char* at = out.data();
    for (const char c : source) {
        const Text reference = html_reference(c);
        const Text written = reference.empty() ? Text(&c, 1) : reference;
        std::memcpy(at, written.data(), written.size());
        at += written.size();
    }
    return {out.data(), size};
}

}  // namespace sluice::http::uri
