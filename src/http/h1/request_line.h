// The request line (RFC 9112 §3): method, target in its four forms, version. Besides splitting, the parser notes what
// the target contains, so that later work (decoding, merging slashes) is skipped in the common case.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "http/fields/method.h"
#include "http/h1/path_scan.h"
#include "http/h1/slice.h"
#include "http/h1/version.h"

namespace sluice::http::h1 {

/// RFC 9112 §3.2.
enum class TargetForm : uint8_t {
    origin,     ///< `/path?query`
    absolute,   ///< `http://host:port/path?query`
    authority,  ///< `host:port`, only for CONNECT
    asterisk,   ///< `*`, only for OPTIONS
};

struct RequestLine {
    Slice line;         ///< all of it without the line ending ($request)
    Slice method_name;  ///< as sent
    Slice target;       ///< as sent, all of it
    Slice scheme;       ///< absolute form only, as sent
    Slice host;      ///< absolute and authority form: valid, in the sender's case, brackets of an IPv6 literal kept
    Slice port;      ///< digits after the host's colon, may be empty
    Slice uri;       ///< path, args and fragment ($request_uri); empty path stays empty in absolute form: mean "/"
    Slice path;      ///< part of `uri` before `?` and `#`, not decoded
    Slice args;      ///< behind the first `?`, without it and without the fragment
    Slice protocol;  ///< `HTTP/1.1` as sent; empty for HTTP/0.9
    Version version;
    Method method = Method::unknown;
    TargetForm form = TargetForm::origin;
    PathMarks path_marks;       ///< what the path holds, and where its extension begins
    bool has_args = false;      ///< there was a `?`, even if nothing follows it
    bool has_fragment = false;  ///< there was a `#`; what follows it is in `uri` but in neither `path` nor `args`
};

enum class RequestLineError : uint8_t {
    none,
    invalid_request,    ///< 400
    invalid_method,     ///< 400: a byte other than A-Z, `_` and `-` in the method
    invalid_09_method,  ///< 400: HTTP/0.9 knows only GET
    invalid_version,    ///< 505: HTTP/2.0 or higher on the line
};

Refusal refusal_of(RequestLineError error);

/// Resumable: each call continues where the last one stopped, however the bytes are cut.
class RequestLineParser {
 public:
    /// Blank lines before the request that are skipped (RFC 9112 §2.2); one more is refused.
    static constexpr uint32_t kMaxBlankLines = 8;

    explicit RequestLineParser(uint32_t begin = 0) : begin_(begin), at_(begin) {}

    /// `buffer` holds all bytes of earlier calls at the same offsets and whatever arrived since.
    Progress parse(Text buffer);

    /// Valid once parse() said `complete`. After `failed` it holds what was recognised up to the error.
    const RequestLine& line() const { return line_; }

    RequestLineError error() const { return error_; }
    Refusal refusal() const { return refusal_of(error_); }
    /// Offset where the line begins: behind blank lines skipped so far.
    uint32_t begin() const { return begin_; }
    /// Offset of the first byte not used: behind the line ending when complete, the offending byte when failed.
    uint32_t end() const { return at_; }

    /// The caller copied the bytes from begin() on to offset `new_begin` of another buffer.
    void rebase(uint32_t new_begin);

 private:
    enum class State : uint8_t {
        start,
        method,
        before_target,
        scheme,
        authority,
        asterisk,
        path,
        args,
        fragment,
        before_version,
        version,
        after_version,
        line_feed,
        complete,
        failed,
    };

    Progress step(Text buffer);
    Progress fail(RequestLineError error);
    Progress advance(State next);
    Progress skip_blank_lines(Text buffer);
    Progress scan_method(Text buffer);
    Progress begin_target(Text buffer);
    Progress begin_special_target(char first);
    Progress scan_scheme(Text buffer);
    Progress scan_authority(Text buffer);
    Progress end_authority(Text buffer);
    Progress scan_asterisk(Text buffer);
    Progress scan_path(Text buffer);
    Progress scan_args(Text buffer);
    Progress scan_fragment(Text buffer);
    Progress end_target(char gap);
    Progress scan_before_version(Text buffer);
    Progress scan_version(Text buffer);
    Progress refuse_version(char byte, uint32_t index);
    Progress scan_after_version(Text buffer);
    Progress end_line(char byte);
    Progress scan_line_feed(Text buffer);
    Progress finish();

    RequestLine line_;
    uint32_t begin_;
    uint32_t at_;
    State state_ = State::start;
    RequestLineError error_ = RequestLineError::none;
    uint8_t blank_lines_ = 0;
};

}  // namespace sluice::http::h1
