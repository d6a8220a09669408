// The status line's state machine, with nginx's tolerance: any version, several spaces, `403.1` of IIS, the reason
// optional, a lone line feed.
#include "http/h1/status_line.h"

#include "http/h1/scan.h"

namespace sluice::http::h1 {
namespace {

constexpr Text kProtocol = "HTTP/";

/// One or two digits at `at`; leaves `at` behind them. -1 when there is none or there are more.
int take_number(Text rest, uint32_t& at) {
    int value = -1;
    for (uint32_t digits = 0; at < rest.size() && text::is_digit(rest[at]); ++at, ++digits) {
        if (digits == 2) return -1;
        value = (value < 0 ? 0 : value * 10) + (rest[at] - '0');
    }
    return value;
}

}  // namespace

Refusal refusal_of(StatusLineError error) {
    if (error == StatusLineError::none) return {};
    return {502, "upstream sent no valid HTTP/1.0 header"};
}

Progress StatusLineParser::parse(Text buffer) {
    while (true) {
        const Progress progress = step(buffer);
        if (progress != Progress::complete) return progress;
        if (state_ == State::complete) return Progress::complete;
    }
}

/// Runs the current state to its end: `complete` says that the next one may run.
Progress StatusLineParser::step(Text buffer) {
    if (at_ == buffer.size() && state_ != State::complete && state_ != State::failed) return Progress::need_more;
    switch (state_) {
        case State::version: return scan_version(buffer);
        case State::before_code: return scan_before_code(buffer);
        case State::code: return scan_code(buffer);
        case State::reason: return scan_reason(buffer);
        case State::line_feed: return scan_line_feed(buffer);
        case State::complete: return Progress::complete;
        case State::failed: return Progress::failed;
    }
    return Progress::failed;
}

Progress StatusLineParser::fail(StatusLineError error) {
    state_ = State::failed;
    error_ = error;
    return Progress::failed;
}

Progress StatusLineParser::advance(State next) {
    state_ = next;
    return Progress::complete;
}

/// `HTTP/1.1 `: at_ stays in front until the space is there; looking again at eleven bytes is no rescan.
Progress StatusLineParser::scan_version(Text buffer) {
    const Text rest = buffer.substr(at_);
    const Text prefix = kProtocol.substr(0, rest.size());
    if (rest.substr(0, prefix.size()) != prefix) return fail(StatusLineError::not_http);
    if (rest.size() <= kProtocol.size()) return Progress::need_more;

    auto i = static_cast<uint32_t>(kProtocol.size());
    const int major = take_number(rest, i);
    // As with nginx, no version begins with 0: what claims to be older than 1.0 has no head.
    if (rest[kProtocol.size()] == '0') return fail(StatusLineError::invalid_status);
    if (i < rest.size() && (major < 0 || rest[i] != '.')) return fail(StatusLineError::invalid_status);
    const int minor = i < rest.size() ? take_number(rest, ++i) : 0;
    if (i >= rest.size()) return Progress::need_more;
    if (minor < 0 || rest[i] != ' ') return fail(StatusLineError::invalid_status);
    line_.version = {static_cast<uint8_t>(major), static_cast<uint8_t>(minor)};
    at_ += i;
    return advance(State::before_code);
}

Progress StatusLineParser::scan_before_code(Text buffer) {
    while (at_ < buffer.size() && buffer[at_] == ' ') ++at_;
    line_.status.begin = at_;
    return at_ == buffer.size() ? Progress::need_more : advance(State::code);
}

/// Three digits and the byte behind them (RFC 9110 §15: 100 to 999 is what three digits can mean).
Progress StatusLineParser::scan_code(Text buffer) {
    for (; at_ < buffer.size() && at_ - line_.status.begin < 3; ++at_) {
        const char c = buffer[at_];
        if (!text::is_digit(c) || (c == '0' && at_ == line_.status.begin))
            return fail(StatusLineError::invalid_status);
        line_.code = static_cast<uint16_t>(line_.code * 10 + (c - '0'));
    }
    if (at_ == buffer.size()) return Progress::need_more;
    const char c = buffer[at_];
    if (c != ' ' && c != '.' && c != '\r' && c != '\n') return fail(StatusLineError::invalid_status);
    line_.reason.begin = c == ' ' ? at_ + 1 : at_;
    return advance(State::reason);
}

Progress StatusLineParser::scan_reason(Text buffer) {
    at_ = find_control<>(buffer, at_);
    if (at_ == buffer.size()) return Progress::need_more;
    const char c = buffer[at_];
    if (c == '\0') return fail(StatusLineError::invalid_status);
    if (c == '\r' || c == '\n') {
        line_.line = Slice::between(begin_, at_);
        line_.status.length = at_ - line_.status.begin;
        line_.reason.length = at_ > line_.reason.begin ? at_ - line_.reason.begin : 0;
        if (c == '\n') return scan_line_feed(buffer);
        state_ = State::line_feed;
    }
    ++at_;
    return Progress::complete;
}

Progress StatusLineParser::scan_line_feed(Text buffer) {
    if (buffer[at_] != '\n') return fail(StatusLineError::invalid_status);
    ++at_;
    return advance(State::complete);
}

void StatusLineParser::rebase(uint32_t new_begin) {
    const uint32_t distance = new_begin - begin_;  // modulo 2^32: may move down as well
    for (Slice* slice : {&line_.line, &line_.status, &line_.reason}) slice->move(begin_, distance);
    at_ += distance;
    begin_ = new_begin;
}

}  // namespace sluice::http::h1
