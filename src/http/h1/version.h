// The protocol version of a message: HTTP/0.9 up to HTTP/3.
#pragma once

#include <compare>
#include <cstdint>

namespace sluice::http {

struct Version {
    uint8_t major_number = 1;
    uint8_t minor_number = 1;

    constexpr auto operator<=>(const Version&) const = default;
};

constexpr Version kHttp09{0, 9};
constexpr Version kHttp10{1, 0};
constexpr Version kHttp11{1, 1};
constexpr Version kHttp2{2, 0};
constexpr Version kHttp3{3, 0};

}  // namespace sluice::http
