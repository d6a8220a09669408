// Tokens (RFC 9110 §5.6.2): what methods, field names and most parameters are made of.
#pragma once

#include <array>

#include "core/base/text.h"

namespace sluice::http {

namespace detail {
consteval std::array<bool, 256> make_token_bytes() {
    std::array<bool, 256> table{};
    for (unsigned char c = 0; c < 128; ++c)
        table[c] = text::is_alpha(static_cast<char>(c)) || text::is_digit(static_cast<char>(c));
    for (const char c : Text("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}
inline constexpr std::array<bool, 256> kTokenBytes = make_token_bytes();
}  // namespace detail

constexpr bool is_token_byte(char c) {
    return detail::kTokenBytes[static_cast<unsigned char>(c)];
}

/// True for one or more token characters and nothing else.
constexpr bool is_token(Text value) {
    for (const char c : value) {
        if (!is_token_byte(c)) return false;
    }
    return !value.empty();
}

/// What a request's method is made of: as nginx, upper case only, though RFC 9110 §9.1 allows any token. What means
/// nothing to us in lower case could mean something to whoever is asked next.
constexpr bool is_method_byte(char c) {
    return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

}  // namespace sluice::http
