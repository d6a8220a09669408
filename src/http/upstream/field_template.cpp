// FieldTemplate.
#include "http/upstream/field_template.h"

#include <algorithm>

#include "http/fields/token.h"

namespace sluice::http::upstream {

namespace {

/// Fields of the client that never go on: they are about its own connection, or are said otherwise.
constexpr std::array<KnownHeader, 10> kOwn{KnownHeader::host,
                                           KnownHeader::connection,
                                           KnownHeader::content_length,
                                           KnownHeader::transfer_encoding,
                                           KnownHeader::te,
                                           KnownHeader::upgrade,
                                           KnownHeader::keep_alive,
                                           KnownHeader::expect,
                                           KnownHeader::proxy_connection,
                                           KnownHeader::http2_settings};

/// What no message may have (RFC 9113 §8.2.2).
bool is_of_connection(KnownHeader known) {
    return known == KnownHeader::connection || known == KnownHeader::transfer_encoding ||
           known == KnownHeader::keep_alive || known == KnownHeader::proxy_connection ||
           known == KnownHeader::upgrade;
}

}  // namespace

const FieldTemplate* make_field_template(Arena& arena, const conf::Sequence<SetHeader>& set) {
    auto& made = *arena.make<FieldTemplate>();
    for (const KnownHeader known : kOwn) made.replaced.add(known);
    for (const SetHeader& one : set) {
        made.replaced.add(one.name);
        const KnownHeader known = find_known_header(one.name);
        made.sets_length |= known == KnownHeader::content_length;
        made.sets_te |= known == KnownHeader::te;
        if (known == KnownHeader::host) made.authority = &one.value;
        // An empty value keeps the field from being sent.
        const bool is_empty = one.value.is_constant() && one.value.source().empty();
        if (is_empty || known == KnownHeader::host || is_of_connection(known) || !is_token(one.name)) continue;
        const std::span<char> lower = arena.make_bytes(one.name.size());
        std::transform(one.name.begin(), one.name.end(), lower.begin(), text::to_lower);
        made.parts.push_back({{lower.data(), lower.size()}, one.value});
    }
    return &made;
}

}  // namespace sluice::http::upstream
