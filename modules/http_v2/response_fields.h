// The fields of a response as HTTP/2 has them: names in lower case, nothing of HTTP/1's connection (RFC 9113 §8.2).
#pragma once

#include <sluice/core/base/arena.h>
#include <sluice/http/headers.h>

#include "field_encoder.h"

namespace sluice::http {
class Request;
}

namespace sluice::http2 {

/// The head of `request.response`, which is complete. Lines and texts live as long as the request.
FieldLines response_fields(http::Request& request);
/// An interim head; lives as long as `arena`, like the trailers.
FieldLines interim_fields(Arena& arena, uint16_t status, const http::Headers& fields);
FieldLines trailer_fields(Arena& arena, const http::Headers& fields);

}  // namespace sluice::http2
