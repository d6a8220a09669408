// RequestHead: takes a request's fields as HPACK decodes them, checks all that HTTP/2 asks of a request (RFC 9113
// §8.1 to §8.5, RFC 8441 §4), and makes of them what the rest of the server knows: a request whose fields could as
// well have come by HTTP/1. The library checks none of it.
#pragma once

#include <cstdint>

#include <sluice/http/headers.h>

#include "library.h"

namespace sluice::http {
class Request;
struct ServerConf;
}  // namespace sluice::http

namespace sluice::http2 {

/// As for HTTP/1: a single field must fit into one of large_client_header_buffers, all of them into all buffers.
struct HeadLimits {
    explicit HeadLimits(const http::ServerConf& conf);

    uint32_t field;   ///< bytes
    uint32_t all;     ///< bytes
    uint32_t fields;  ///< how many: max_headers
};

class RequestHead {
 public:
    enum class Outcome : uint8_t {
        taken,
        invalid,    ///< the field makes the request malformed; the log has not heard of it
        malformed,  ///< a stream error of type PROTOCOL_ERROR; the log has it
        flood,      ///< far beyond all limits: the connection is not worth going on with
    };

    explicit RequestHead(const HeadLimits& limits) : limits_(limits) {}

    /// One field. The texts are copied.
    Outcome add(http::Request& request, const Decoded& field);
    /// A field of the trailers.
    Outcome add_trailer(http::Request& request, const Decoded& field);
    /// All fields are there: sets method, request line, protocol, host, Cookie. `is_ended`: there is no body.
    Outcome complete(http::Request& request, bool is_ended);

    /// Something did not fit into large_client_header_buffers.
    bool is_too_large() const { return is_too_large_; }
    /// There were more fields than max_headers allows, or two of one that comes once.
    bool has_too_many() const { return has_too_many_; }
    Text path() const { return path_; }
    Text authority() const { return authority_; }
    /// RFC 8441: what an extended CONNECT asks for; empty: it is none.
    Text protocol() const { return protocol_; }
    /// Bytes of the body as Content-Length has them, or -1.
    int64_t length() const { return length_; }

 private:
    /// Bits, of those that have come.
    enum Pseudo : uint8_t { kUnknown = 0, kMethod = 1, kScheme = 2, kAuthority = 4, kPath = 8, kProtocol = 16 };

    static Pseudo find_pseudo(Text name);
    bool is_flood(http::Request& request, const Decoded& field);
    bool is_beyond_limits(http::Request& request, const Decoded& field, uint32_t size);
    Outcome add_pseudo(http::Request& request, const Decoded& field);
    Outcome add_regular(http::Request& request, const Decoded& field);
    void add_cookies(http::Request& request);
    bool has_its_pseudo_fields() const;
    Outcome settle_authority(http::Request& request);

    const HeadLimits& limits_;
    Text method_;
    Text path_;
    Text authority_;
    Text protocol_;
    http::Headers cookies_;
    int64_t length_ = -1;
    uint32_t size_ = 0;  ///< bytes of the fields as HTTP/1 would have them
    uint32_t fields_ = 0;
    uint8_t pseudo_ = kUnknown;
    bool has_regular_ : 1 = false;
    bool is_web_ : 1 = false;  ///< the scheme is http or https
    bool is_too_large_ : 1 = false;
    bool has_too_many_ : 1 = false;
};

}  // namespace sluice::http2
