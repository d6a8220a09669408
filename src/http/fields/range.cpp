// Range specs, read one by one.
#include "http/fields/range.h"

#include <limits>

namespace sluice::http {
namespace {

constexpr Text kUnit = "bytes=";

/// Takes spaces off the front.
void skip_spaces(Text& rest) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

/// Takes a number that fits a file offset off the front.
std::optional<uint64_t> take_number(Text& rest) {
    size_t digits = 0;
    while (digits < rest.size() && text::is_digit(rest[digits])) ++digits;
    const auto number = text::parse_uint(rest.substr(0, digits));
    if (!number || *number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    rest.remove_prefix(digits);
    return number;
}

bool take(Text& rest, char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
}

/// As nginx: what names the unit alone asks for nothing.
bool names_ranges(Text value) {
    return value.size() > kUnit.size() && text::istarts_with(value, kUnit);
}

}  // namespace

RangeReader::RangeReader(Text value, uint64_t body_size) : rest_(value), body_size_(body_size) {
    if (names_ranges(value))
        rest_.remove_prefix(kUnit.size());
    else
        is_at_end_ = true;
}

std::optional<ByteRange> RangeReader::next() {
    while (!is_at_end_ && !has_failed_) {
        is_at_end_ = rest_.find(',') == Text::npos;
        const auto range = read_spec(text::trim(text::split_off(rest_, ',')));
        if (!range) {
            has_failed_ = true;
        } else if (range->begin < range->end) {
            return range;
        } else if (range->begin == 0) {
            has_empty_start_ = true;
        }
    }
    return std::nullopt;
}

/// `first-last`, `first-` or `-suffix`. The result may be empty: then it can't be satisfied.
std::optional<ByteRange> RangeReader::read_spec(Text spec) {
    ByteRange range{.begin = 0, .end = body_size_};
    const bool is_suffix = take(spec, '-');
    const auto first = take_number(spec);
    if (!first) return std::nullopt;
    if (is_suffix) {
        if (!spec.empty()) return std::nullopt;
        range.begin = *first < body_size_ ? body_size_ - *first : 0;
        return range;
    }
    range.begin = *first;
    skip_spaces(spec);
    if (!take(spec, '-')) return std::nullopt;
    skip_spaces(spec);
    if (spec.empty()) return range;
    const auto last = take_number(spec);
    if (!last || !spec.empty()) return std::nullopt;
    if (*last < body_size_) range.end = *last + 1;
    return range;
}

RangeSummary judge_ranges(Text value, uint64_t body_size, uint32_t max_ranges) {
    RangeSummary summary;
    if (!names_ranges(value)) return summary;
    RangeReader reader(value, body_size);
    while (const auto range = reader.next()) {
        if (summary.count == max_ranges) return {};
        ++summary.count;
        summary.total += range->size();
        // Overlapping ranges must not be a way to ask for more than there is. No sum can overflow before this stops
        // it.
        if (summary.total > body_size) return {};
    }
    if (reader.has_failed()) return {.verdict = RangeVerdict::unsatisfiable};
    if (reader.has_empty_start()) return {};
    summary.verdict = summary.count == 0 ? RangeVerdict::unsatisfiable : RangeVerdict::partial;
    return summary;
}

std::optional<ContentRange> parse_content_range(Text value) {
    constexpr Text kPrefix = "bytes ";
    if (!text::istarts_with(value, kPrefix)) return std::nullopt;
    Text rest = value.substr(kPrefix.size());
    skip_spaces(rest);
    ContentRange content;
    const bool is_unsatisfied = take(rest, '*');
    if (!is_unsatisfied) {
        const auto first = take_number(rest);
        if (!first || !take(rest, '-')) return std::nullopt;
        const auto last = take_number(rest);
        if (!last || *last < *first) return std::nullopt;
        content.range = {*first, *last + 1};
    }
    if (!take(rest, '/')) return std::nullopt;
    if (rest == "*") return is_unsatisfied ? std::nullopt : std::optional(content);
    content.complete_size = take_number(rest);
    if (!rest.empty() || !content.complete_size || content.range.end > *content.complete_size) return std::nullopt;
    return content;
}

}  // namespace sluice::http
