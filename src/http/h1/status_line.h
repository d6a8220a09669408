// The status line of a response (RFC 9112 §4): `HTTP/1.1 200 OK`, read as nginx reads an upstream's.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "http/h1/slice.h"
#include "http/h1/version.h"

namespace sluice::http::h1 {

struct StatusLine {
    Slice line;    ///< all of it without the line ending
    Slice status;  ///< `200 OK`: code and reason, as nginx passes it on
    Slice reason;  ///< may be empty
    Version version;
    uint16_t code = 0;  ///< 100 to 999
};

enum class StatusLineError : uint8_t {
    none,
    not_http,        ///< does not begin with `HTTP/`: an HTTP/0.9 answer, or no HTTP at all; the bytes are the body
    invalid_status,  ///< begins like a status line but is malformed
};

/// 502 with nginx's words: `upstream sent no valid HTTP/1.0 header`.
Refusal refusal_of(StatusLineError error);

/// Resumable: each call continues where the last one stopped, however the bytes are cut.
class StatusLineParser {
 public:
    explicit StatusLineParser(uint32_t begin = 0) : begin_(begin), at_(begin) {}

    Progress parse(Text buffer);
    const StatusLine& line() const { return line_; }
    StatusLineError error() const { return error_; }
    Refusal refusal() const { return refusal_of(error_); }
    uint32_t begin() const { return begin_; }
    uint32_t end() const { return at_; }
    void rebase(uint32_t new_begin);

 private:
    enum class State : uint8_t { version, before_code, code, reason, line_feed, complete, failed };

    Progress fail(StatusLineError error);
    Progress advance(State next);
    Progress step(Text buffer);
    Progress scan_version(Text buffer);
    Progress scan_before_code(Text buffer);
    Progress scan_code(Text buffer);
    Progress scan_reason(Text buffer);
    Progress scan_line_feed(Text buffer);

    StatusLine line_;
    uint32_t begin_;
    uint32_t at_;
    State state_ = State::version;
    StatusLineError error_ = StatusLineError::none;
};

}  // namespace sluice::http::h1
