// The Range field (RFC 9110 §14.2) against a body of known size, with nginx's decisions; and Content-Range.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/text.h"

namespace sluice::http {

/// Bytes [begin, end) of the body; begin < end.
struct ByteRange {
    uint64_t begin = 0;
    uint64_t end = 0;

    constexpr uint64_t size() const { return end - begin; }
    constexpr bool operator==(const ByteRange&) const = default;
};

enum class RangeVerdict : uint8_t {
    whole,          ///< the field does not count: 200 with the whole body
    partial,        ///< 206 with the ranges
    unsatisfiable,  ///< 416
};

struct RangeSummary {
    RangeVerdict verdict = RangeVerdict::whole;
    uint32_t count = 0;  ///< ranges that can be satisfied, when partial
    uint64_t total = 0;  ///< bytes in them
};

/// Judges a Range field. Another unit than bytes, more than `max_ranges` satisfiable ranges, or ranges that add up to
/// more than `body_size`, ask for the whole body; wrong syntax and numbers that overflow are unsatisfiable.
RangeSummary judge_ranges(Text value, uint64_t body_size, uint32_t max_ranges);

/// Walks the ranges of a field that judge_ranges() called partial.
class RangeReader {
 public:
    RangeReader(Text value, uint64_t body_size);

    /// The next range that can be satisfied, in the order of the field; nothing at the end or at a syntax error.
    std::optional<ByteRange> next();
    bool has_failed() const { return has_failed_; }
    /// The last range read was empty although it asked for the start of the body.
    bool has_empty_start() const { return has_empty_start_; }

 private:
    std::optional<ByteRange> read_spec(Text spec);

    Text rest_;
    uint64_t body_size_;
    bool is_at_end_ = false;
    bool has_failed_ = false;
    bool has_empty_start_ = false;
};

/// A Content-Range field of a response (RFC 9110 §14.4): `bytes 0-99/200`, `bytes 0-99/*`, `bytes */200`.
struct ContentRange {
    ByteRange range;                        ///< empty (0, 0) in the unsatisfied form
    std::optional<uint64_t> complete_size;  ///< nothing for `*`
};

std::optional<ContentRange> parse_content_range(Text value);

}  // namespace sluice::http
