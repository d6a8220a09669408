// Where a message's body ends (RFC 9112 §6): Content-Length and Transfer-Encoding, read with no room for two
// opinions.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/text.h"
#include "http/h1/slice.h"
#include "http/h1/version.h"

namespace sluice::http::h1 {

/// Digits only, at most 2^63 - 1. Lists (`5, 5`), signs and empty values are refused.
std::optional<uint64_t> parse_content_length(Text value);

enum class TransferCoding : uint8_t {
    chunked,
    unknown,  ///< a coding that we don't have, `identity` among them
    bad,      ///< chunked twice, or not as the last one: the body has no certain end
};

TransferCoding parse_transfer_encoding(Text value);

enum class FramingError : uint8_t {
    none,
    invalid_length,
    repeated_length,
    unknown_coding,
    bad_coding,
    repeated_coding,
    length_and_coding,  ///< both fields in one message: what request smuggling is made of
    coding_before_11,   ///< Transfer-Encoding in a request of HTTP/1.0 or 0.9
};

/// Status and nginx's words. nginx appends the value to some of them: `client sent unknown "Transfer-Encoding"` is
/// followed by `: "…"`.
Refusal refusal_of(FramingError error, Sender sender);

enum class BodyKind : uint8_t {
    none,
    sized,  ///< `size` bytes
    chunked,
    until_close,  ///< responses only: what comes until the connection ends
};

struct BodyFraming {
    BodyKind kind = BodyKind::none;
    uint64_t size = 0;  ///< with BodyKind::sized; may be 0
    bool must_close =
        false;  ///< the connection can't be used again: until_close, or chunked in HTTP/1.0 (RFC 9112 §6.1)
    FramingError error = FramingError::none;
};

/// Collects the framing fields of one head. The first error stays.
class FramingFields {
 public:
    void add_content_length(Text value);
    void add_transfer_encoding(Text value);

    /// RFC 9112 §6.3 for a request.
    BodyFraming judge_request(Version version) const;
    /// RFC 9112 §6.3 for a response. `has_no_body`: it answers HEAD, or is 1xx, 204 or 304, or 2xx to CONNECT.
    BodyFraming judge_response(Version version, bool has_no_body) const;

    /// The Content-Length as sent, whether or not it frames the body (a HEAD's response has one).
    std::optional<uint64_t> content_length() const { return length_; }

 private:
    FramingError find_error() const;
    void note(FramingError error);

    std::optional<uint64_t> length_;
    bool has_coding_ = false;
    FramingError error_ = FramingError::none;
};

}  // namespace sluice::http::h1
