// Entity tags in conditional requests (RFC 9110 §8.8.3 and §13.1).
#pragma once

#include <optional>

#include "core/base/text.h"
#include "core/base/units.h"

namespace sluice::http {

enum class EtagComparison : uint8_t {
    strong,  ///< both strong and equal: If-Match, If-Range
    weak,    ///< equal, weak or not: If-None-Match
};

/// True for `"…"` or `W/"…"` and nothing else (RFC 9110 §8.8.3).
bool is_etag(Text value);

/// Compares two entity tags as they are written.
bool matches_etag(Text a, Text b, EtagComparison comparison);

/// True if an If-Match or If-None-Match value is `*` or lists a tag that matches `etag`. `etag` is empty when the
/// representation has none: then only `*` matches. Behind a syntax error nothing matches.
bool matches_etag_list(Text list, Text etag, EtagComparison comparison);

/// If-Range (RFC 9110 §13.1.5): true when the range may be served: the tag matches strongly, or the date is exactly
/// `last_modified`.
bool matches_if_range(Text value, Text etag, std::optional<Seconds> last_modified);

}  // namespace sluice::http
