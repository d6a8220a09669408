// ConnectionNames.
#include "http/connection_names.h"

#include <algorithm>

#include "http/fields/token_list.h"

namespace sluice::http {

namespace {

bool precedes(Text a, Text b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return text::to_lower(x) < text::to_lower(y); });
}

}  // namespace

ConnectionNames::ConnectionNames(Arena& arena, const Headers& headers) {
    if (headers.find(KnownHeader::connection) == nullptr) return;
    size_t most = 0;
    for (const Field& field : headers)
        if (field.known == KnownHeader::connection) most += field.value.size() / 2 + 1;
    const std::span<Text> names = arena.make_array<Text>(most);
    size_t count = 0;
    for (const Field& field : headers) {
        if (field.known != KnownHeader::connection) continue;
        Text rest = field.value;
        while (const auto name = next_element(rest)) names[count++] = *name;
    }
    std::sort(names.begin(), names.begin() + static_cast<ptrdiff_t>(count), precedes);
    names_ = names.first(count);
}

bool ConnectionNames::has(const Field& field) const {
    return std::binary_search(names_.begin(), names_.end(), field.name, precedes);
}

}  // namespace sluice::http
