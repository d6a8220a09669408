// Looks at a block of bytes at once: one bit per byte for each question. SSE2 where the compiler has it, else eight
// bytes in a machine word; both compile everywhere they can, and the tests run both.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/text.h"

namespace sluice::http::h1 {

/// Bit i answers for byte i of the block.
using Mask = uint32_t;

constexpr Mask low_bits(uint32_t count) {
    return count >= 32 ? ~Mask{0} : (Mask{1} << count) - 1;
}

/// Eight bytes in a word. The byte-wise comparisons are exact: no carry passes from one byte to the next.
class WordBlock {
 public:
    static constexpr uint32_t kWidth = 8;

    explicit WordBlock(const char* at) {
        std::memcpy(&bytes_, at, sizeof bytes_);
        if constexpr (std::endian::native == std::endian::big) bytes_ = __builtin_bswap64(bytes_);
    }

    Mask equal(char c) const { return zeros(bytes_ ^ repeat(static_cast<unsigned char>(c))); }
    /// Below 0x20, or 0x7f (RFC 5234 CTL).
    Mask controls() const { return zeros(bytes_ & repeat(0xe0)) | equal('\x7f'); }
    /// Space or CTL: what ends a request target.
    Mask gaps() const { return controls() | equal(' '); }
    /// Letters, digits and hyphens.
    Mask plain_name() const {
        const uint64_t lower = bytes_ | repeat(0x20);
        const uint64_t ascii = ~bytes_ & kHigh;
        const uint64_t alpha = at_least(lower, 'a') & ~at_least(lower, 'z' + 1);
        const uint64_t digit = at_least(bytes_, '0') & ~at_least(bytes_, '9' + 1);
        return gather((alpha | digit) & ascii) | equal('-');
    }

 private:
    static constexpr uint64_t kHigh = 0x8080808080808080ULL;
    static constexpr uint64_t repeat(unsigned char byte) { return 0x0101010101010101ULL * byte; }
    /// The high bits of all bytes as eight bits.
    static Mask gather(uint64_t high) { return static_cast<Mask>(((high >> 7U) * 0x0102040810204080ULL) >> 56U); }
    static Mask zeros(uint64_t word) {
        const uint64_t low = ~kHigh;
        return gather(~(((word & low) + low) | word | low));
    }
    /// High bit of each byte whose low seven bits are at least `limit` (<= 0x7f).
    static uint64_t at_least(uint64_t word, unsigned char limit) {
        return ((word & ~kHigh) + repeat(static_cast<unsigned char>(0x80 - limit))) & kHigh;
    }

    uint64_t bytes_;
};

#if defined(__SSE2__)
class Sse2Block {
 public:
    static constexpr uint32_t kWidth = 16;

    explicit Sse2Block(const char* at) : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}

    Mask equal(char c) const { return gather(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c))); }
    Mask controls() const { return gather(control_bytes()); }
    Mask gaps() const { return gather(_mm_or_si128(at_most(bytes_, 0x20), _mm_cmpeq_epi8(bytes_, repeat(0x7f)))); }
    Mask plain_name() const {
        const __m128i lower = _mm_or_si128(bytes_, repeat(0x20));
        const __m128i alpha = at_most(_mm_sub_epi8(lower, repeat('a')), 25);
        const __m128i digit = at_most(_mm_sub_epi8(bytes_, repeat('0')), 9);
        const __m128i hyphen = _mm_cmpeq_epi8(bytes_, repeat('-'));
        return gather(_mm_or_si128(_mm_or_si128(alpha, digit), hyphen));
    }

 private:
    static __m128i repeat(char c) { return _mm_set1_epi8(c); }
    static __m128i at_most(__m128i bytes, char limit) {
        return _mm_cmpeq_epi8(_mm_min_epu8(bytes, repeat(limit)), bytes);
    }
    static Mask gather(__m128i bytes) { return static_cast<Mask>(_mm_movemask_epi8(bytes)); }
    __m128i control_bytes() const {
        return _mm_or_si128(at_most(bytes_, 0x1f), _mm_cmpeq_epi8(bytes_, repeat(0x7f)));
    }

    __m128i bytes_;
};
using Block = Sse2Block;
#else
using Block = WordBlock;
#endif

/// Calls `visit(const AnyBlock&, offset, valid)` for each block of `buffer` from `from` on until it returns true;
/// `valid` has a bit for each byte that exists: only the last block may lack some. No byte behind the buffer is read.
template <class AnyBlock, class Visit>
inline bool for_each_block(Text buffer, uint32_t from, Visit&& visit) {
    const auto size = static_cast<uint32_t>(buffer.size());
    for (; size - from >= AnyBlock::kWidth; from += AnyBlock::kWidth) {
        if (visit(AnyBlock(buffer.data() + from), from, low_bits(AnyBlock::kWidth))) return true;
    }
    if (from == size) return false;
    char rest[AnyBlock::kWidth] = {};
    std::memcpy(rest, buffer.data() + from, size - from);
    return visit(AnyBlock(rest), from, low_bits(size - from));
}

/// Offset of the first byte from `from` on that is a control character other than a tab; the buffer's size if none.
template <class AnyBlock = Block>
inline uint32_t find_control(Text buffer, uint32_t from) {
    auto found = static_cast<uint32_t>(buffer.size());
    for_each_block<AnyBlock>(buffer, from, [&found](const AnyBlock& block, uint32_t at, Mask valid) {
        const Mask hits = block.controls() & ~block.equal('\t') & valid;
        if (hits == 0) return false;
        found = at + static_cast<uint32_t>(std::countr_zero(hits));
        return true;
    });
    return found;
}

/// Offset of the first byte from `from` on that is not a letter, digit or hyphen; the buffer's size if none.
template <class AnyBlock = Block>
inline uint32_t find_name_end(Text buffer, uint32_t from) {
    auto found = static_cast<uint32_t>(buffer.size());
    for_each_block<AnyBlock>(buffer, from, [&found](const AnyBlock& block, uint32_t at, Mask valid) {
        const Mask hits = ~block.plain_name() & valid;
        if (hits == 0) return false;
        found = at + static_cast<uint32_t>(std::countr_zero(hits));
        return true;
    });
    return found;
}

/// Offset of the first space, control character or `stop` from `from` on; the buffer's size if none.
template <class AnyBlock = Block>
inline uint32_t find_gap_or(Text buffer, uint32_t from, char stop) {
    auto found = static_cast<uint32_t>(buffer.size());
    for_each_block<AnyBlock>(buffer, from, [&found, stop](const AnyBlock& block, uint32_t at, Mask valid) {
        const Mask hits = (block.gaps() | block.equal(stop)) & valid;
        if (hits == 0) return false;
        found = at + static_cast<uint32_t>(std::countr_zero(hits));
        return true;
    });
    return found;
}

}  // namespace sluice::http::h1
