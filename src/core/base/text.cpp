// Small questions about texts: comparison, numbers, splitting, distance, hash.
#include "core/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace sluice::text {

bool iequals(Text a, Text b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool istarts_with(Text whole, Text prefix) {
    return whole.size() >= prefix.size() && iequals(whole.substr(0, prefix.size()), prefix);
}

int icompare(Text a, Text b) {
    const size_t common = std::min(a.size(), b.size());
    for (size_t i = 0; i < common; ++i) {
        const int difference =
            static_cast<unsigned char>(to_lower(a[i])) - static_cast<unsigned char>(to_lower(b[i]));
        if (difference != 0) return difference;
    }
    if (a.size() == b.size()) return 0;
    return a.size() < b.size() ? -1 : 1;
}

Text trim(Text value) {
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    return value;
}

namespace {

template <class Integer>
std::optional<Integer> parse(Text digits, int base) {
    Integer value{};
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || error != std::errc{} || stopped != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<uint64_t> parse_uint(Text digits) {
    return parse<uint64_t>(digits, 10);
}
std::optional<int64_t> parse_int(Text digits) {
    return parse<int64_t>(digits, 10);
}
std::optional<uint64_t> parse_hex(Text digits) {
    return parse<uint64_t>(digits, 16);
}

Text split_off(Text& rest, char separator) {
    const size_t at = rest.find(separator);
    const Text first = rest.substr(0, at);
    rest = at == Text::npos ? Text{} : rest.substr(at + 1);
    return first;
}

char* write_uint(char* out, uint64_t value) {
    return std::to_chars(out, out + 20, value).ptr;
}

size_t edit_distance(Text a, Text b, size_t limit) {
    constexpr size_t kLongest = 63;
    if (a.size() > kLongest || b.size() > kLongest) return limit + 1;
    std::array<size_t, kLongest + 1> row{};
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return std::min(row[b.size()], limit + 1);
}

namespace {

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64U);
}

uint64_t load(const char* at, size_t length) {
    uint64_t word = 0;
    if (length != 0) std::memcpy(&word, at, length);  // of nothing, `at` may be null
    return word;
}

}  // namespace

uint64_t hash(Text value) {
    constexpr uint64_t kFirst = 0xa0761d6478bd642fULL;
    constexpr uint64_t kSecond = 0xe7037ed1a0b428dbULL;
    uint64_t state = kFirst ^ value.size();
    const char* at = value.data();
    size_t left = value.size();
    for (; left > 8; at += 8, left -= 8) state = mix(state ^ load(at, 8), kSecond);
    return mix(state ^ load(at, left), kFirst ^ kSecond);
}

}  // namespace sluice::text
