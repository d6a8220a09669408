// Comparison of entity tags.
#include "http/fields/etag.h"

#include <algorithm>

#include "http/fields/date.h"

namespace sluice::http {
namespace {

constexpr Text kWeak = "W/";

/// The tag without `W/`, with its quotes.
Text opaque_part(Text etag) {
    return etag.substr(0, kWeak.size()) == kWeak ? etag.substr(kWeak.size()) : etag;
}

/// Takes the tag at the front of `list` off it; empty when there is none. A tag may hold commas.
Text take_etag(Text& list) {
    const size_t open = list.size() - opaque_part(list).size();
    if (open >= list.size() || list[open] != '"') return {};
    const size_t close = list.find('"', open + 1);
    if (close == Text::npos) return {};
    const Text etag = list.substr(0, close + 1);
    list.remove_prefix(close + 1);
    return etag;
}

/// Takes blanks and commas off the front.
bool take_separator(Text& list) {
    const size_t length = list.find_first_not_of(" \t,");
    const Text separator = list.substr(0, length);
    list = length == Text::npos ? Text{} : list.substr(length);
    return list.empty() || separator.find(',') != Text::npos;
}

}  // namespace

bool is_etag(Text value) {
    return !take_etag(value).empty() && value.empty();
}

bool matches_etag(Text a, Text b, EtagComparison comparison) {
    if (comparison == EtagComparison::strong) return a == b && opaque_part(a) == a;
    return opaque_part(a) == opaque_part(b);
}

bool matches_etag_list(Text list, Text etag, EtagComparison comparison) {
    list = text::trim(list);
    if (list == "*") return true;
    if (etag.empty()) return false;
    list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
    while (!list.empty()) {
        const Text candidate = take_etag(list);
        if (candidate.empty() || !take_separator(list)) return false;
        if (matches_etag(candidate, etag, comparison)) return true;
    }
    return false;
}

bool matches_if_range(Text value, Text etag, std::optional<Seconds> last_modified) {
    if (is_etag(value)) return !etag.empty() && matches_etag(value, etag, EtagComparison::strong);
    const auto date = parse_http_date(value);
    return date && last_modified && *date == *last_modified;
}

}  // namespace sluice::http
