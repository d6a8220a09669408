// Context: the kind of block that a directive may stand in.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::conf {

enum class Context : uint32_t {
    main = 1U << 0U,
    events = 1U << 1U,
    http = 1U << 2U,
    http_server = 1U << 3U,
    http_location = 1U << 4U,
    http_server_if = 1U << 5U,
    http_location_if = 1U << 6U,
    http_limit_except = 1U << 7U,
    http_upstream = 1U << 8U,
    stream = 1U << 9U,
    stream_server = 1U << 10U,
    stream_upstream = 1U << 11U,
};

constexpr uint32_t kContexts = 12;

/// The outermost block that `context` lies in: main, events, http or stream. Structs are kept by this and their
/// level.
constexpr Context family_of(Context context) {
    const auto bit = static_cast<uint32_t>(context);
    if (bit >= static_cast<uint32_t>(Context::stream)) return Context::stream;
    if (bit >= static_cast<uint32_t>(Context::http)) return Context::http;
    return context;
}

/// The name as documentation and `--list-directives` write it: "http", "server", "if in location", "stream server", …
Text context_name(Context context);

/// A set of contexts.
class Contexts {
 public:
    constexpr Contexts() = default;
    constexpr Contexts(Context one) : bits_(static_cast<uint32_t>(one)) {}
    constexpr Contexts operator|(Contexts other) const { return Contexts(bits_ | other.bits_); }
    constexpr bool has(Context one) const { return (bits_ & static_cast<uint32_t>(one)) != 0; }
    constexpr bool is_empty() const { return bits_ == 0; }
    constexpr bool operator==(const Contexts&) const = default;
    /// Every context there is (`include`).
    static constexpr Contexts all() { return Contexts((1U << kContexts) - 1); }

 private:
    explicit constexpr Contexts(uint32_t bits) : bits_(bits) {}
    uint32_t bits_ = 0;
};

constexpr Contexts operator|(Context a, Context b) {
    return Contexts(a) | Contexts(b);
}

}  // namespace sluice::conf
