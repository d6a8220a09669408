// Trailers: the fields behind a chunked answer (RFC 9112 §7.1.2), on their way to the client.
//   proxy_pass_trailers on;  proxy_set_header TE trailers;  proxy_set_header Connection te;
#pragma once

#include <sluice/http/h1/header_line.h>
#include <sluice/http/upstream/exchange.h>

namespace sluice::proxy {

class Trailers {
 public:
    /// Takes bytes behind the last chunk off the front, at most `most` of them in all; fields that are complete are
    /// among Response::trailers. Errors are logged.
    http::upstream::BodyState read(http::upstream::Exchange& exchange, Text& bytes, size_t most);

 private:
    void store(http::upstream::Exchange& exchange);

    http::h1::HeaderLineParser parser_{http::h1::LinePolicy::trailer};
    char* buffer_ = nullptr;
    size_t size_ = 0;
};

}  // namespace sluice::proxy
