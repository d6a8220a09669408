// Finds the end of a request target's path and notes on the way what is in it. Whole blocks at once: no branch per
// byte, so a path full of slashes and dots costs no more than a plain one.
#pragma once

#include <bit>
#include <cstdint>

#include "http/h1/scan.h"

namespace sluice::http::h1 {

/// What scanning found in the path. Each may be set although normalising changes nothing (`/.well-known` sets
/// has_dot_segment); one that is not set is certain.
struct PathTraits {
    bool is_percent_encoded = false;  ///< has a `%`
    bool has_double_slash = false;
    bool has_dot_segment = false;  ///< has `/.`

    /// True when the path as sent is the normal one: nothing to decode, merge or resolve.
    bool is_normal(bool merge_slashes) const {
        return !is_percent_encoded && !has_dot_segment && !(merge_slashes && has_double_slash);
    }
};

struct PathMarks {
    PathTraits traits;
    uint32_t extension = 0;  ///< offset behind the last dot of the last segment; 0 = none
};

/// Scans on from `from`, somewhere in a path that began at `begin`. Returns the offset of the `?`, `#`, space or
/// control character that ends it, or the buffer's size when more bytes are needed: then `marks` is right up to
/// there.
template <class AnyBlock = Block>
inline uint32_t scan_path(Text buffer, uint32_t begin, uint32_t from, PathMarks& marks) {
    auto end = static_cast<uint32_t>(buffer.size());
    Mask after_slash = from > begin && buffer[from - 1] == '/' ? 1 : 0;
    for_each_block<AnyBlock>(buffer, from, [&](const AnyBlock& block, uint32_t at, Mask valid) {
        const Mask stop = (block.gaps() | block.equal('?') | block.equal('#')) & valid;
        const Mask live = stop == 0 ? valid : (stop & (0U - stop)) - 1;  // the bytes in front of the first stop
        const Mask slashes = block.equal('/') & live;
        const Mask dots = block.equal('.') & live;
        const Mask behind = (slashes << 1U) | after_slash;
        marks.traits.is_percent_encoded |= (block.equal('%') & live) != 0;
        marks.traits.has_double_slash |= (slashes & behind) != 0;
        marks.traits.has_dot_segment |= (dots & behind) != 0;
        // A dot that begins a segment begins no extension: /.profile has none.
        Mask extensions = dots & ~behind;
        if (slashes != 0) {
            extensions &= ~low_bits(static_cast<uint32_t>(std::bit_width(slashes)));
            marks.extension = 0;
        }
        if (extensions != 0) marks.extension = at + static_cast<uint32_t>(std::bit_width(extensions));
        after_slash = (slashes >> (AnyBlock::kWidth - 1)) & 1U;
        if (stop == 0) return false;
        end = at + static_cast<uint32_t>(std::countr_zero(stop));
        return true;
    });
    return end;
}

}  // namespace sluice::http::h1
