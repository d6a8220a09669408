// One header field line (RFC 9112 §5): name, value without surrounding white space, known name as an enum. Heads of
// requests and responses and the trailers of a chunked body are parsed with it.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "http/fields/known_header.h"
#include "http/h1/slice.h"

namespace sluice::http::h1 {

/// What a field name is made of. nginx calls a name valid only if it is `plain` (or `underscored` under
/// `underscores_in_headers on`); any other is `invalid` and dropped unless `ignore_invalid_headers off`.
enum class NameForm : uint8_t {
    plain,        ///< letters, digits and hyphens
    underscored,  ///< those and underscores
    unusual,      ///< a token (RFC 9110 §5.6.2) with other characters
    not_a_token,  ///< not even that: never to be forwarded
};

struct HeaderLine {
    Slice name;                             ///< as sent
    Slice value;                            ///< without leading and trailing spaces and tabs; may be empty
    uint32_t hash = 0;                      ///< header_name_hash(name)
    KnownHeader known = KnownHeader::none;  ///< only a plain name is ever known
    NameForm form = NameForm::plain;
};

enum class HeaderLineError : uint8_t {
    none,
    invalid_name,   ///< empty name, white space in or behind it, a control character, folding (RFC 9112 §5.2)
    no_colon,       ///< the line ends within the name
    invalid_value,  ///< NUL, bare CR or another control character; in a trailer also a lone line feed
};

/// How strictly lines are taken.
enum class LinePolicy : uint8_t {
    request,   ///< RFC 9112 in full
    response,  ///< as nginx takes an upstream's: a line without a colon, or a second status line, is reported as
               ///< NameForm::not_a_token, and control characters other than NUL and CR are kept in values
    trailer,   ///< as request, and a lone line feed ends no line: here it would end the body
};

/// 400 with `client sent invalid header line`, or 502 with `upstream sent invalid header`; nginx appends `: "`, the
/// line up to the offending byte, and `"`.
Refusal refusal_of(HeaderLineError error, LinePolicy policy);

/// Resumable: each call continues where the last one stopped, however the bytes are cut.
class HeaderLineParser {
 public:
    explicit HeaderLineParser(LinePolicy policy, uint32_t begin = 0) : begin_(begin), at_(begin), policy_(policy) {}

    /// The next line, or more of it. After `complete` the next call begins the next line.
    Progress parse(Text buffer);

    /// Valid after `complete`, until the next call.
    const HeaderLine& line() const { return line_; }

    HeaderLineError error() const { return error_; }
    Refusal refusal() const { return refusal_of(error_, policy_); }
    /// Offset where the current line begins: the one not complete yet, or, right after `complete`, the next one.
    uint32_t begin() const { return begin_; }
    /// Offset of the first byte not used: behind the line ending, or the offending byte when failed.
    uint32_t end() const { return at_; }

    /// The caller copied the bytes from begin() on to offset `new_begin` of another buffer.
    void rebase(uint32_t new_begin);
    /// Begins a new block of lines at `begin`.
    void restart(uint32_t begin);

 private:
    enum class State : uint8_t { start, name, space, value, ignored, line_feed, last_line_feed, failed };

    Progress fail(HeaderLineError error);
    bool take_common_line(Text buffer);
    Progress step(Text buffer);
    Progress begin_line(char first);
    Progress scan_name(Text buffer);
    Progress take_odd_byte(Text buffer);
    Progress end_without_colon(Text buffer);
    Progress scan_ignored(Text buffer);
    Progress skip_space(Text buffer);
    Progress scan_value(Text buffer);
    Progress end_value(Text buffer);
    Progress end_line(Text buffer);

    HeaderLine line_;
    uint32_t begin_;
    uint32_t at_;
    LinePolicy policy_;
    State state_ = State::start;
    HeaderLineError error_ = HeaderLineError::none;
};

}  // namespace sluice::http::h1
