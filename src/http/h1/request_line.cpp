// The request line's state machine. A state is a stretch of bytes that can be cut anywhere:
//   start → method → before_target → path ─?→ args ─#→ fragment ─space→ before_version → version → after_version
//                         │ ↑                                  └─CR, LF: HTTP/0.9 ─┐            │
//                         ├ scheme → authority (absolute form)                     └→ line_feed ┴→ complete
//                         ├ authority (CONNECT), asterisk (OPTIONS)
#include "http/h1/request_line.h"

#include "http/fields/host.h"
#include "http/fields/token.h"

namespace sluice::http::h1 {
namespace {

constexpr Text kVersionPrefix = "HTTP/1.";

constexpr bool is_scheme_byte(char c) {
    return text::is_alpha(c) || text::is_digit(c) || c == '+' || c == '-' || c == '.';
}

}  // namespace

Refusal refusal_of(RequestLineError error) {
    switch (error) {
        case RequestLineError::none: return {};
        case RequestLineError::invalid_request: return {400, "client sent invalid request"};
        case RequestLineError::invalid_method: return {400, "client sent invalid method"};
        case RequestLineError::invalid_09_method: return {400, "client sent invalid method in HTTP/0.9 request"};
        case RequestLineError::invalid_version: return {505, "client sent invalid version"};
    }
    return {};
}

Progress RequestLineParser::parse(Text buffer) {
    while (true) {
        const Progress progress = step(buffer);
        if (progress != Progress::complete) return progress;
        if (state_ == State::complete) return Progress::complete;
    }
}

/// Runs the current state to its end: `complete` says that the next one may run.
Progress RequestLineParser::step(Text buffer) {
    if (at_ == buffer.size() && state_ != State::complete && state_ != State::failed) return Progress::need_more;
    switch (state_) {
        case State::start: return skip_blank_lines(buffer);
        case State::method: return scan_method(buffer);
        case State::before_target: return begin_target(buffer);
        case State::scheme: return scan_scheme(buffer);
        case State::authority: return scan_authority(buffer);
        case State::asterisk: return scan_asterisk(buffer);
        case State::path: return scan_path(buffer);
        case State::args: return scan_args(buffer);
        case State::fragment: return scan_fragment(buffer);
        case State::before_version: return scan_before_version(buffer);
        case State::version: return scan_version(buffer);
        case State::after_version: return scan_after_version(buffer);
        case State::line_feed: return scan_line_feed(buffer);
        case State::complete: return Progress::complete;
        case State::failed: return Progress::failed;
    }
    return Progress::failed;
}

Progress RequestLineParser::fail(RequestLineError error) {
    state_ = State::failed;
    error_ = error;
    return Progress::failed;
}

Progress RequestLineParser::advance(State next) {
    state_ = next;
    return Progress::complete;
}

/// RFC 9112 §2.2: a server ignores at least one empty line before the request line.
Progress RequestLineParser::skip_blank_lines(Text buffer) {
    const char first = buffer[at_];
    if (first != '\r' && first != '\n') return advance(State::method);
    const uint32_t length = first == '\r' ? 2 : 1;
    if (buffer.size() - at_ < length) return Progress::need_more;
    if (buffer[at_ + length - 1] != '\n' || blank_lines_ == kMaxBlankLines)
        return fail(RequestLineError::invalid_request);
    ++blank_lines_;
    at_ += length;
    begin_ = at_;
    return Progress::complete;
}

Progress RequestLineParser::scan_method(Text buffer) {
    while (at_ < buffer.size() && is_method_byte(buffer[at_])) ++at_;
    if (at_ == buffer.size()) return Progress::need_more;
    if (buffer[at_] != ' ' || at_ == begin_) return fail(RequestLineError::invalid_method);
    line_.method_name = Slice::between(begin_, at_);
    line_.method = find_method(line_.method_name.in(buffer));
    return advance(State::before_target);
}

Progress RequestLineParser::begin_target(Text buffer) {
    while (at_ < buffer.size() && buffer[at_] == ' ') ++at_;
    if (at_ == buffer.size()) return Progress::need_more;
    line_.target.begin = at_;
    line_.uri.begin = at_;
    line_.path.begin = at_;
    if (buffer[at_] == '/') return advance(State::path);
    return begin_special_target(buffer[at_]);
}

Progress RequestLineParser::begin_special_target(char first) {
    if (line_.method == Method::connect) {
        line_.form = TargetForm::authority;
        line_.host.begin = at_;
        return advance(State::authority);
    }
    if (first == '*' && line_.method == Method::options) {
        line_.form = TargetForm::asterisk;
        ++at_;
        return advance(State::asterisk);
    }
    if (!text::is_alpha(first)) return fail(RequestLineError::invalid_request);
    line_.form = TargetForm::absolute;
    line_.scheme.begin = at_;
    return advance(State::scheme);
}

/// `scheme "://"` (RFC 3986 §3). The colon fixes the scheme's length; until then that is 0.
Progress RequestLineParser::scan_scheme(Text buffer) {
    for (; at_ < buffer.size() && line_.scheme.empty(); ++at_) {
        if (buffer[at_] == ':')
            line_.scheme.length = at_ - line_.scheme.begin;
        else if (!is_scheme_byte(buffer[at_]))
            return fail(RequestLineError::invalid_request);
    }
    const uint32_t behind_slashes = line_.scheme.end() + 3;
    for (; at_ < buffer.size() && at_ < behind_slashes; ++at_) {
        if (buffer[at_] != '/') return fail(RequestLineError::invalid_request);
    }
    if (line_.scheme.empty() || at_ < behind_slashes) return Progress::need_more;
    line_.host.begin = at_;
    return advance(State::authority);
}

Progress RequestLineParser::scan_authority(Text buffer) {
    for (; at_ < buffer.size(); ++at_) {
        const char c = buffer[at_];
        if (c == '/' || c == '?' || c == ' ') return end_authority(buffer);
        if (static_cast<unsigned char>(c) < 0x20) break;
    }
    return at_ == buffer.size() ? Progress::need_more : fail(RequestLineError::invalid_request);
}

Progress RequestLineParser::end_authority(Text buffer) {
    const auto authority = parse_authority(Slice::between(line_.host.begin, at_).in(buffer));
    if (!authority) return fail(RequestLineError::invalid_request);
    line_.host.length = static_cast<uint32_t>(authority->host.size());
    line_.port = {at_ - static_cast<uint32_t>(authority->port.size()), static_cast<uint32_t>(authority->port.size())};
    line_.uri.begin = at_;
    line_.path.begin = at_;
    if (line_.form == TargetForm::absolute) return advance(State::path);
    // RFC 9110 §9.3.6: an empty port in CONNECT is refused.
    if (buffer[at_] != ' ' || line_.port.empty()) return fail(RequestLineError::invalid_request);
    return end_target(' ');
}

Progress RequestLineParser::scan_asterisk(Text buffer) {
    line_.uri.begin = at_;
    line_.path.begin = at_;
    return end_target(buffer[at_]);
}

Progress RequestLineParser::scan_path(Text buffer) {
    at_ = h1::scan_path<>(buffer, line_.path.begin, at_, line_.path_marks);
    if (at_ == buffer.size()) return Progress::need_more;
    line_.path.length = at_ - line_.path.begin;
    if (buffer[at_] == '?') {
        ++at_;
        line_.has_args = true;
        line_.args.begin = at_;
        return advance(State::args);
    }
    if (buffer[at_] == '#') return advance(State::fragment);
    return end_target(buffer[at_]);
}

Progress RequestLineParser::scan_args(Text buffer) {
    at_ = find_gap_or<>(buffer, at_, '#');
    if (at_ == buffer.size()) return Progress::need_more;
    line_.args.length = at_ - line_.args.begin;
    return buffer[at_] == '#' ? advance(State::fragment) : end_target(buffer[at_]);
}

Progress RequestLineParser::scan_fragment(Text buffer) {
    line_.has_fragment = true;
    at_ = find_gap_or<>(buffer, at_, ' ');
    return at_ == buffer.size() ? Progress::need_more : end_target(buffer[at_]);
}

/// `gap` is the byte at at_: a space, or a control character.
Progress RequestLineParser::end_target(char gap) {
    line_.target.length = at_ - line_.target.begin;
    line_.uri.length = at_ - line_.uri.begin;
    if (gap == ' ') return advance(State::before_version);
    line_.version = kHttp09;
    return end_line(gap);
}

Progress RequestLineParser::scan_before_version(Text buffer) {
    while (at_ < buffer.size() && buffer[at_] == ' ') ++at_;
    if (at_ == buffer.size()) return Progress::need_more;
    if (buffer[at_] == 'H') return advance(State::version);
    line_.version = kHttp09;
    return end_line(buffer[at_]);
}

/// `HTTP/1.` and one or two digits. at_ stays in front until all is there: looking again at ten bytes is no rescan.
Progress RequestLineParser::scan_version(Text buffer) {
    const Text rest = buffer.substr(at_);
    for (uint32_t i = 0; i < kVersionPrefix.size(); ++i) {
        if (i == rest.size()) return Progress::need_more;
        if (rest[i] != kVersionPrefix[i]) return refuse_version(rest[i], i);
    }
    uint32_t minor = 0;
    auto i = static_cast<uint32_t>(kVersionPrefix.size());
    const uint32_t digits_begin = i;
    for (; i < rest.size() && text::is_digit(rest[i]); ++i) {
        if (i == digits_begin + 2) return refuse_version(rest[i], i);
        minor = minor * 10 + static_cast<uint32_t>(rest[i] - '0');
    }
    if (i == rest.size()) return Progress::need_more;
    if (i == digits_begin) return refuse_version(rest[i], i);
    line_.version = {1, static_cast<uint8_t>(minor)};
    line_.protocol = {at_, i};
    at_ += i;
    return advance(State::after_version);
}

Progress RequestLineParser::refuse_version(char byte, uint32_t index) {
    at_ += index;
    constexpr uint32_t kMajor = 5;
    const bool is_higher =
        (index == kMajor && byte >= '2' && byte <= '9') || (index == kMajor + 1 && text::is_digit(byte));
    return fail(is_higher ? RequestLineError::invalid_version : RequestLineError::invalid_request);
}

Progress RequestLineParser::scan_after_version(Text buffer) {
    while (at_ < buffer.size() && buffer[at_] == ' ') ++at_;
    return at_ == buffer.size() ? Progress::need_more : end_line(buffer[at_]);
}

/// `byte` at at_ must begin a line ending; a lone line feed is one, as in nginx (RFC 9112 §2.2 allows it).
Progress RequestLineParser::end_line(char byte) {
    line_.line = Slice::between(begin_, at_);
    if (byte == '\n') return finish();
    if (byte != '\r') return fail(RequestLineError::invalid_request);
    ++at_;
    return advance(State::line_feed);
}

Progress RequestLineParser::scan_line_feed(Text buffer) {
    return buffer[at_] == '\n' ? finish() : fail(RequestLineError::invalid_request);
}

Progress RequestLineParser::finish() {
    if (line_.version == kHttp09 && line_.method != Method::get) return fail(RequestLineError::invalid_09_method);
    ++at_;
    return advance(State::complete);
}

void RequestLineParser::rebase(uint32_t new_begin) {
    const uint32_t distance = new_begin - begin_;  // modulo 2^32: may move down as well
    for (Slice* slice : {&line_.line, &line_.method_name, &line_.target, &line_.scheme, &line_.host, &line_.port,
                         &line_.uri, &line_.path, &line_.args, &line_.protocol})
        slice->move(begin_, distance);
    if (line_.path_marks.extension != 0) line_.path_marks.extension += distance;
    at_ += distance;
    begin_ = new_begin;
}

}  // namespace sluice::http::h1
