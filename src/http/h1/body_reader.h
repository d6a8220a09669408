// BodyReader: takes the framing off a request's body (RFC 9112 §6): a length, or chunks.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "http/h1/chunked.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::h1 {

class BodyReader {
 public:
    void begin_empty();
    void begin_length(int64_t length);
    void begin_chunked();

    /// Feeds what belongs to the body to the request's body; returns the bytes behind its end. A malformed body fails
    /// it with 400. Stops early when `is_paused` becomes true or the request is finished.
    Text feed(Request& request, Text bytes, const bool& is_paused);
    /// Skips what belongs to the body without an owner; returns the bytes behind its end.
    Text skip(Text bytes);

    bool is_complete() const { return is_complete_; }
    bool is_broken() const { return is_broken_; }

 private:
    /// Takes the next piece off `bytes`; empty when there is none.
    Text next_piece(Text& bytes);

    ChunkedDecoder chunks_{Sender::client};
    int64_t left_ = 0;
    bool is_chunked_ = false;
    bool is_complete_ = true;
    bool is_broken_ = false;
};

}  // namespace sluice::http::h1
