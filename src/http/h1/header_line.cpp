// The header line's state machine: start → name → space → value → line_feed → start, and the empty line that ends the
// head. The value is found by blocks; only names with bytes beyond letters, digits and hyphens are looked at one by
// one.
#include "http/h1/header_line.h"

#include <algorithm>

#include "http/fields/token.h"
#include "http/h1/scan.h"

namespace sluice::http::h1 {
namespace {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/// False for a byte that no name can hold, however odd: white space and control characters.
constexpr bool is_name_possible(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
}

}  // namespace

Refusal refusal_of(HeaderLineError error, LinePolicy policy) {
    if (error == HeaderLineError::none) return {};
    if (policy == LinePolicy::response) return {502, "upstream sent invalid header"};
    return {400, "client sent invalid header line"};
}

Progress HeaderLineParser::fail(HeaderLineError error) {
    state_ = State::failed;
    error_ = error;
    return Progress::failed;
}

Progress HeaderLineParser::parse(Text buffer) {
    if (state_ == State::failed) return Progress::failed;
    if (state_ == State::start) {
        begin_ = at_;
        line_ = {};
        line_.name.begin = at_;
        if (take_common_line(buffer)) return Progress::complete;
    }
    while (at_ < buffer.size()) {
        const Progress progress = step(buffer);
        if (progress == Progress::need_more) continue;
        if (progress != Progress::failed) {
            begin_ = at_;
            state_ = State::start;
        }
        return progress;
    }
    return Progress::need_more;
}

/// What nearly every line is: a plain name, a value without control characters and CR LF, all of it there. Any other
/// is left to the states, which look at it anew: once per line, however it is cut.
bool HeaderLineParser::take_common_line(Text buffer) {
    const auto size = static_cast<uint32_t>(buffer.size());
    const uint32_t name_end = find_name_end<>(buffer, at_);
    if (name_end == size || buffer[name_end] != ':' || name_end == at_) return false;
    uint32_t value = name_end + 1;
    while (value < size && is_space(buffer[value])) ++value;
    const uint32_t value_end = find_control<>(buffer, value);
    if (size - value_end < 2 || buffer[value_end] != '\r' || buffer[value_end + 1] != '\n') return false;
    line_.name.length = name_end - at_;
    line_.value = Slice::between(value, value_end);
    at_ = value_end + 1;
    end_line(buffer);
    begin_ = at_;
    return true;
}

/// Runs the current state over the bytes there are, at least one; `need_more` says that the line goes on.
Progress HeaderLineParser::step(Text buffer) {
    switch (state_) {
        case State::start: return begin_line(buffer[at_]);
        case State::name: return scan_name(buffer);
        case State::space: return skip_space(buffer);
        case State::value: return scan_value(buffer);
        case State::ignored: return scan_ignored(buffer);
        case State::line_feed: return buffer[at_] == '\n' ? end_line(buffer) : fail(HeaderLineError::invalid_value);
        case State::last_line_feed:
            if (buffer[at_] != '\n') return fail(HeaderLineError::invalid_name);
            ++at_;
            return Progress::end_of_head;
        case State::failed: return Progress::failed;
    }
    return Progress::failed;
}

Progress HeaderLineParser::begin_line(char first) {
    if (first == '\n') {
        if (policy_ == LinePolicy::trailer) return fail(HeaderLineError::invalid_value);
        ++at_;
        return Progress::end_of_head;
    }
    if (first == '\r') {
        ++at_;
        state_ = State::last_line_feed;
    } else {
        state_ = State::name;
    }
    return Progress::need_more;
}

Progress HeaderLineParser::scan_name(Text buffer) {
    at_ = find_name_end<>(buffer, at_);
    if (at_ == buffer.size()) return Progress::need_more;
    const char c = buffer[at_];
    if (c == '\r' || c == '\n') return end_without_colon(buffer);
    if (c != ':') return take_odd_byte(buffer);
    if (at_ == begin_) return fail(HeaderLineError::invalid_name);
    line_.name.length = at_ - begin_;
    ++at_;
    state_ = State::space;
    return Progress::need_more;
}

Progress HeaderLineParser::take_odd_byte(Text buffer) {
    const char c = buffer[at_];
    // nginx: IIS may send a second status line in the middle of its header.
    if (policy_ == LinePolicy::response && c == '/' && Slice::between(begin_, at_).in(buffer) == "HTTP") {
        state_ = State::ignored;
        return Progress::need_more;
    }
    if (!is_name_possible(c)) return fail(HeaderLineError::invalid_name);
    NameForm form = NameForm::not_a_token;
    if (c == '_')
        form = NameForm::underscored;
    else if (is_token_byte(c))
        form = NameForm::unusual;
    line_.form = std::max(line_.form, form);
    ++at_;
    return Progress::need_more;
}

Progress HeaderLineParser::end_without_colon(Text buffer) {
    return policy_ == LinePolicy::response ? scan_ignored(buffer) : fail(HeaderLineError::no_colon);
}

/// A line that is reported but means nothing: all of it counts as the name.
Progress HeaderLineParser::scan_ignored(Text buffer) {
    state_ = State::ignored;
    at_ = find_control<>(buffer, at_);
    if (at_ == buffer.size()) return Progress::need_more;
    line_.name.length = at_ - begin_;
    line_.value = {at_, 0};
    line_.form = NameForm::not_a_token;
    return end_value(buffer);
}

Progress HeaderLineParser::skip_space(Text buffer) {
    while (at_ < buffer.size() && is_space(buffer[at_])) ++at_;
    if (at_ == buffer.size()) return Progress::need_more;
    line_.value.begin = at_;
    state_ = State::value;
    return scan_value(buffer);
}

Progress HeaderLineParser::scan_value(Text buffer) {
    at_ = find_control<>(buffer, at_);
    if (at_ == buffer.size()) return Progress::need_more;
    line_.value.length = at_ - line_.value.begin;
    return end_value(buffer);
}

/// At a control character behind the value.
Progress HeaderLineParser::end_value(Text buffer) {
    const char c = buffer[at_];
    if (c == '\n' && policy_ != LinePolicy::trailer) return end_line(buffer);
    if (c == '\r') {
        state_ = State::line_feed;
        ++at_;
        return Progress::need_more;
    }
    if (policy_ != LinePolicy::response || c == '\0' || state_ == State::ignored)
        return fail(HeaderLineError::invalid_value);
    ++at_;
    return Progress::need_more;
}

/// At the line feed.
Progress HeaderLineParser::end_line(Text buffer) {
    ++at_;
    Slice& value = line_.value;
    while (!value.empty() && is_space(buffer[value.end() - 1])) --value.length;
    const Text name = line_.name.in(buffer);
    line_.hash = header_name_hash(name);
    if (line_.form == NameForm::plain) line_.known = find_known_header(name, line_.hash);
    return Progress::complete;
}

void HeaderLineParser::rebase(uint32_t new_begin) {
    const uint32_t distance = new_begin - begin_;  // modulo 2^32: may move down as well
    line_.name.move(begin_, distance);
    line_.value.move(begin_, distance);
    at_ += distance;
    begin_ = new_begin;
}

void HeaderLineParser::restart(uint32_t begin) {
    *this = HeaderLineParser(policy_, begin);
}

}  // namespace sluice::http::h1
