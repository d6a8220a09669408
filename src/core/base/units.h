// Units in types: a number of milliseconds is not a number of bytes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// A duration, or a point on the loop's monotonic clock, in milliseconds.
struct Msec {
    int64_t count = 0;

    constexpr auto operator<=>(const Msec&) const = default;
    constexpr Msec operator+(Msec other) const { return {count + other.count}; }
    constexpr Msec operator-(Msec other) const { return {count - other.count}; }
};

/// A duration, or a point in Unix time, in whole seconds (nginx stores expires, valid= and fail_timeout so).
struct Seconds {
    int64_t count = 0;

    constexpr auto operator<=>(const Seconds&) const = default;
    constexpr operator Msec() const { return {count * 1000}; }
};

/// A size or an offset in bytes.
struct Bytes {
    int64_t count = 0;

    constexpr auto operator<=>(const Bytes&) const = default;
    constexpr size_t size() const { return static_cast<size_t>(count); }
};

/// A size that counts bytes of files rather than of memory: it is written with the suffix g, too.
struct Offset : Bytes {
    constexpr auto operator<=>(const Offset&) const = default;
};

namespace literals {
constexpr Msec operator""_ms(unsigned long long value) {
    return {static_cast<int64_t>(value)};
}
constexpr Msec operator""_s(unsigned long long value) {
    return {static_cast<int64_t>(value) * 1000};
}
constexpr Bytes operator""_KiB(unsigned long long value) {
    return {static_cast<int64_t>(value) * 1024};
}
}  // namespace literals

}  // namespace sluice
