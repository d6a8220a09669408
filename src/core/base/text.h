// Text: a view of bytes, and the small questions everybody asks of one. ASCII rules only; nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// A view of bytes owned by an arena, a buffer or the program itself. Never null-terminated by contract.
using Text = std::string_view;

namespace text {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// Value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Equality without regard to ASCII case.
bool iequals(Text a, Text b);
bool istarts_with(Text whole, Text prefix);
/// Three-way comparison without regard to ASCII case: negative, zero or positive.
int icompare(Text a, Text b);
/// Without leading and trailing spaces and tabs (OWS, RFC 9110 §5.6.3).
Text trim(Text value);

/// Unsigned decimal: digits only, no sign, no spaces; nothing for an empty text or one that overflows.
std::optional<uint64_t> parse_uint(Text digits);
/// As parse_uint, with an optional leading minus.
std::optional<int64_t> parse_int(Text digits);
/// Unsigned hexadecimal without prefix.
std::optional<uint64_t> parse_hex(Text digits);

/// A decimal number split off a separator: returns the part before `separator` and moves `rest` behind it; all of
/// `rest` when there is none.
Text split_off(Text& rest, char separator);

/// Writes `value` in decimal at `out` (room for 20 bytes is enough for any value); returns the end.
char* write_uint(char* out, uint64_t value);

/// Levenshtein distance, at most `limit` + 1; for "did you mean" suggestions.
size_t edit_distance(Text a, Text b, size_t limit);

/// A 64-bit hash (wyhash-like mixing), stable within one process only.
uint64_t hash(Text value);

}  // namespace text
}  // namespace sluice
