// Names of directives that come in families: one table of rows, templated on the struct and the prefix, gives
// proxy_connect_timeout, fastcgi_connect_timeout, … Each joined name has static storage.
//   template <class C, FixedText P>
//   constexpr std::array kTimeouts{
//       directive<&C::connect_timeout, C>(joined<P, "connect_timeout">, {.where = …, .initial = "60s"}), …
//   };
//   … kTimeouts<ProxyConf, "proxy_"> …
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/base/text.h"

namespace sluice::conf {

/// A text that can be a template argument.
template <size_t N>
struct FixedText {
    char bytes[N] = {};

    constexpr FixedText() = default;
    // From a literal, its final NUL included.
    constexpr FixedText(const char (&literal)[N]) {
        for (size_t i = 0; i < N; ++i) bytes[i] = literal[i];
    }
    static constexpr size_t kSize = N - 1;
    constexpr Text text() const { return {bytes, kSize}; }
};

namespace detail {

template <FixedText Prefix, FixedText Name>
constexpr auto join() {
    FixedText<Prefix.kSize + Name.kSize + 1> made;
    for (size_t i = 0; i < Prefix.kSize; ++i) made.bytes[i] = Prefix.bytes[i];
    for (size_t i = 0; i < Name.kSize; ++i) made.bytes[Prefix.kSize + i] = Name.bytes[i];
    return made;
}

template <FixedText Prefix, FixedText Name>
inline constexpr auto kJoined = join<Prefix, Name>();

}  // namespace detail

/// Prefix and name in one.
template <FixedText Prefix, FixedText Name>
inline constexpr Text joined = detail::kJoined<Prefix, Name>.text();

/// The rows of several tables, one behind the other.
template <class Row, size_t... N>
constexpr auto in_one_table(const std::array<Row, N>&... tables) {
    std::array<Row, (N + ...)> all{};
    auto end = all.begin();
    ((end = std::copy(tables.begin(), tables.end(), end)), ...);
    return all;
}

}  // namespace sluice::conf
