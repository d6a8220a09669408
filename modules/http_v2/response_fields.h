// The fields of a response as the library takes them: names in lower case, nothing of HTTP/1's connection (RFC 9113
// §8.2).
#pragma once

#include <span>

#include <nghttp2/nghttp2.h>
#include <sluice/core/base/arena.h>
#include <sluice/http/headers.h>

namespace sluice::http {
class Request;
}

namespace sluice::http2 {

/// The head of `request.response`, which is complete. Texts live as long as the request, the array until the next
/// call of any of these functions.
std::span<const nghttp2_nv> response_fields(http::Request& request);
/// An interim head.
std::span<const nghttp2_nv> interim_fields(Arena& arena, uint16_t status, const http::Headers& fields);
/// Trailers.
std::span<const nghttp2_nv> trailer_fields(Arena& arena, const http::Headers& fields);

}  // namespace sluice::http2
