// The grammar of durations and sizes.
//   milliseconds: 1w 2d 3h 4m 5s 6ms · seconds: 1y 2M 3w 4d 5h 6m 7s · both: the largest unit first, each at most
//   once, spaces between; a number without a unit is seconds and stands last
#include <array>

#include "core/conf/value.h"

namespace sluice::conf::parse {

namespace {

struct TimeUnit {
    Text suffix;
    int64_t milliseconds;
    bool in_milliseconds;  ///< known where milliseconds are asked for
    bool in_seconds;
};

constexpr int64_t kSecond = 1000;
constexpr int64_t kDay = 24 * 3600 * kSecond;

/// Largest first: what follows must be smaller. A longer suffix stands before the shorter one that begins it ("ms").
constexpr std::array<TimeUnit, 8> kTimeUnits{{
    {"y", 365 * kDay, false, true},
    {"M", 30 * kDay, false, true},
    {"w", 7 * kDay, true, true},
    {"d", kDay, true, true},
    {"h", 3600 * kSecond, true, true},
    {"m", 60 * kSecond, true, true},
    {"s", kSecond, true, true},
    {"ms", 1, true, false},
}};
constexpr size_t kMinutes = 5;
constexpr size_t kSeconds = 6;
constexpr size_t kMilliseconds = 7;

/// Takes the digits off; nothing when there are none or too many.
std::optional<int64_t> take_number(Text& rest) {
    size_t length = 0;
    while (length < rest.size() && text::is_digit(rest[length])) ++length;
    const std::optional<int64_t> number = text::parse_int(rest.substr(0, length));
    rest.remove_prefix(length);
    return number;
}

/// Index of the unit that `rest` begins with; a space or the end means seconds.
std::optional<size_t> take_unit(Text& rest) {
    if (rest.empty() || rest.front() == ' ') return kSeconds;
    size_t index = 0;
    while (index < kTimeUnits.size() && !rest.starts_with(kTimeUnits[index].suffix)) ++index;
    if (index == kTimeUnits.size()) return std::nullopt;
    if (index == kMinutes && rest.starts_with(kTimeUnits[kMilliseconds].suffix)) index = kMilliseconds;
    rest.remove_prefix(kTimeUnits[index].suffix.size());
    return index;
}

/// `resolution` is 1 for milliseconds, 1000 for seconds: the sum in these units.
std::optional<int64_t> parse_time(Text rest, int64_t resolution) {
    const bool wants_seconds = resolution == kSecond;
    int64_t sum = 0;
    size_t least = 0;  // the units that may still come
    do {
        const std::optional<int64_t> number = take_number(rest);
        if (!number) return std::nullopt;
        const bool is_bare = rest.empty();  // nginx takes a bare number of seconds at the end whatever came before
        const std::optional<size_t> index = take_unit(rest);
        if (!index) return std::nullopt;
        const TimeUnit& unit = kTimeUnits[*index];
        const bool is_known = wants_seconds ? unit.in_seconds : unit.in_milliseconds;
        if (!is_known || (*index < least && !is_bare)) return std::nullopt;
        least = *index + 1;

        int64_t part = 0;
        if (__builtin_mul_overflow(*number, unit.milliseconds / resolution, &part)) return std::nullopt;
        if (__builtin_add_overflow(sum, part, &sum)) return std::nullopt;
        while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    } while (!rest.empty());
    return sum;
}

}  // namespace

std::optional<Msec> to_milliseconds(Text word) {
    const std::optional<int64_t> count = parse_time(word, 1);
    return count ? std::optional(Msec{*count}) : std::nullopt;
}

std::optional<Seconds> to_seconds(Text word) {
    const std::optional<int64_t> count = parse_time(word, kSecond);
    return count ? std::optional(Seconds{*count}) : std::nullopt;
}

std::optional<Bytes> to_bytes(Text word, bool with_giga) {
    if (word.empty()) return std::nullopt;
    unsigned shift = 0;
    switch (text::to_lower(word.back())) {
        case 'k': shift = 10; break;
        case 'm': shift = 20; break;
        case 'g': shift = with_giga ? 30 : 0; break;
        default: break;
    }
    if (shift != 0) word.remove_suffix(1);
    const std::optional<int64_t> number = take_number(word);
    int64_t count = 0;
    if (!number || !word.empty()) return std::nullopt;
    if (__builtin_mul_overflow(*number, int64_t{1} << shift, &count)) return std::nullopt;
    return Bytes{count};
}

}  // namespace sluice::conf::parse
