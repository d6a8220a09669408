// Values that would be more than one line.
#include "http/fields/field_value.h"

#include <algorithm>

namespace sluice::http {

Text without_line_breaks(Arena& arena, Text value) {
    const std::span<char> copy = arena.make_bytes(value.size());
    constexpr auto is_bad = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    std::replace_copy_if(value.begin(), value.end(), copy.begin(), is_bad, ' ');
    return {copy.data(), copy.size()};
}

}  // namespace sluice::http
