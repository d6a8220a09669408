// What has no place in a field's value, whatever version of HTTP carries it.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::http {

/// False for a value with CR, LF or NUL in it (RFC 9110 §5.5, RFC 9113 §8.2.1): another reader could take it for
/// several fields, or for two messages.
inline bool is_field_value(Text value) {
    constexpr auto is_bad = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    constexpr uint64_t kOnes = 0x0101010101010101ULL;
    constexpr size_t kWord = sizeof(uint64_t);
    const char* at = value.data();
    const char* const end = at + value.size();
    for (; static_cast<size_t>(end - at) >= kWord; at += kWord) {
        uint64_t word = 0;
        std::memcpy(&word, at, kWord);
        // Bytes of up to CR set their highest bit; so may one behind such a byte, which is looked at for nothing.
        if (((word - kOnes * ('\r' + 1)) & ~word & kOnes * 0x80) == 0) continue;
        for (size_t i = 0; i < kWord; ++i)
            if (is_bad(at[i])) return false;
    }
    for (; at != end; ++at)
        if (is_bad(*at)) return false;
    return true;
}

/// A copy with a space for each CR, LF and NUL (RFC 9110 §5.5).
Text without_line_breaks(Arena& arena, Text value);

/// What a message of ours may carry: the value itself, or such a copy of one that a variable made, or that stands on
/// several lines in the configuration.
inline Text sendable_value(Arena& arena, Text value) {
    return is_field_value(value) ? value : without_line_breaks(arena, value);
}

}  // namespace sluice::http
