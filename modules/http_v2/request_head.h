// RequestHead: takes a request's fields as HPACK decodes them, checks what HTTP/2 asks of them (RFC 9113 §8.2, §8.3)
// beyond what the library has checked, and makes of them what the rest of the server knows: a request whose fields
// could as well have come by HTTP/1.
#pragma once

#include <cstdint>

#include <sluice/http/headers.h>

namespace sluice::http {
class Request;
}

namespace sluice::http2 {

class RequestHead {
 public:
    enum class Outcome : uint8_t {
        taken,
        malformed,  ///< a stream error of type PROTOCOL_ERROR; the log has it
        flood,      ///< far beyond all limits: the connection is not worth going on with
    };

    /// One field. The texts are copied; names are in lower case, values hold no control characters but tabs.
    Outcome add(http::Request& request, Text name, Text value);
    /// A field of the trailers.
    Outcome add_trailer(http::Request& request, Text name, Text value);
    /// All fields are there: sets method, request line, protocol, host, Cookie.
    Outcome complete(http::Request& request);

    /// Something did not fit into large_client_header_buffers.
    bool is_too_large() const { return is_too_large_; }
    /// There were more fields than max_headers allows.
    bool has_too_many() const { return has_too_many_; }
    Text path() const { return path_; }
    Text authority() const { return authority_; }
    /// RFC 8441: what an extended CONNECT asks for; empty: it is none.
    Text protocol() const { return protocol_; }
    bool is_complete() const { return is_complete_; }

 private:
    Outcome count(http::Request& request, Text name, Text value);
    Outcome add_pseudo(http::Request& request, Text name, Text value);
    void add_regular(http::Request& request, Text name, Text value);
    Outcome settle_authority(http::Request& request);

    Text method_;
    Text path_;
    Text authority_;
    Text protocol_;
    http::Headers cookies_;
    uint32_t size_ = 0;  ///< bytes of the fields as HTTP/1 would have them
    uint16_t fields_ = 0;
    bool is_too_large_ = false;
    bool has_too_many_ = false;
    bool is_complete_ = false;
};

}  // namespace sluice::http2
