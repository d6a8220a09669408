// The decoder's state machine:
//   size → more_size → [blanks] → [extension] → size_line_feed → data → data_carriage_return → data_line_feed → size
// and behind the chunk of size 0:
//   trailer_start → trailer_name → trailer_value → trailer_line_feed → trailer_start → last_line_feed → done
#include "http/h1/chunked.h"

#include <algorithm>
#include <limits>

#include "http/fields/token.h"

namespace sluice::http::h1 {
namespace {

constexpr uint8_t kMaxDigits = 16;
constexpr auto kMaxSize = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}
constexpr bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

}  // namespace

Refusal refusal_of(ChunkError error, Sender sender) {
    if (error == ChunkError::none) return {};
    if (sender == Sender::client) return {400, "client sent invalid chunked body"};
    return {502, "upstream sent invalid chunked response"};
}

ChunkEvent ChunkedDecoder::next(Text& input, Text& data) {
    while (!input.empty() && state_ != State::done) {
        if (state_ == State::data) {
            data = input.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, input.size())));
            input.remove_prefix(data.size());
            left_ -= data.size();
            body_size_ += data.size();
            if (left_ == 0) state_ = State::data_carriage_return;
            return ChunkEvent::data;
        }
        if (state_ == State::trailer_start && trailers_ == Trailers::report) return ChunkEvent::trailers;
        if (!step(input.front())) return ChunkEvent::failed;
        input.remove_prefix(1);
    }
    return state_ == State::done ? ChunkEvent::done : ChunkEvent::need_more;
}

bool ChunkedDecoder::fail(ChunkError error) {
    state_ = State::failed;
    error_ = error;
    return false;
}

bool ChunkedDecoder::advance(State next) {
    state_ = next;
    return true;
}

/// One byte of framing; false when it is wrong.
bool ChunkedDecoder::step(char c) {
    switch (state_) {
        case State::size: return add_digit(c) || fail(ChunkError::bad_size);
        case State::more_size: return add_digit(c) || end_digits(c);
        case State::blanks: return count_extension() && take_blank(c);
        case State::extension: return count_extension() && take_extension(c);
        case State::size_line_feed: return c == '\n' ? begin_chunk() : fail(ChunkError::bad_line_ending);
        case State::data_carriage_return: return expect(c, '\r', State::data_line_feed);
        case State::data_line_feed: return expect(c, '\n', State::size);
        case State::trailer_start: return count_trailer() && begin_trailer(c);
        case State::trailer_name: return count_trailer() && take_trailer_name(c);
        case State::trailer_value: return count_trailer() && take_trailer_value(c);
        case State::trailer_line_feed: return count_trailer() && expect(c, '\n', State::trailer_start);
        case State::last_line_feed: return expect(c, '\n', State::done);
        case State::data:
        case State::done:
        case State::failed: return false;
    }
    return false;
}

bool ChunkedDecoder::expect(char c, char wanted, State next) {
    return c == wanted ? advance(next) : fail(ChunkError::bad_line_ending);
}

/// False, without an error, when `c` is no digit.
bool ChunkedDecoder::add_digit(char c) {
    const int digit = text::hex_value(c);
    if (digit < 0) return false;
    if (state_ == State::size) {
        left_ = 0;
        digits_ = 0;
        overhead_ = 0;
    }
    if (digits_ == kMaxDigits || left_ > (kMaxSize >> 4U)) return fail(ChunkError::size_overflow);
    ++digits_;
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    return advance(State::more_size);
}

bool ChunkedDecoder::end_digits(char c) {
    if (state_ == State::failed) return false;
    return is_blank(c) ? advance(State::blanks) : take_blank(c);
}

bool ChunkedDecoder::count_extension() {
    return ++overhead_ <= kMaxExtension || fail(ChunkError::long_extension);
}

/// Behind the size or blanks. Some old upstreams pad sizes with blanks; in a request that is an attempt at something.
bool ChunkedDecoder::take_blank(char c) {
    if (is_blank(c)) return true;
    if (c == ';') return advance(State::extension);
    const bool may_end = state_ == State::more_size || sender_ == Sender::upstream;
    if (c == '\r' && may_end) return advance(State::size_line_feed);
    return fail(c == '\n' ? ChunkError::bad_line_ending : ChunkError::bad_size);
}

bool ChunkedDecoder::take_extension(char c) {
    if (c == '\r') return advance(State::size_line_feed);
    if (c == '\n') return fail(ChunkError::bad_line_ending);
    return !is_control(c) || fail(ChunkError::bad_extension);
}

bool ChunkedDecoder::begin_chunk() {
    overhead_ = 0;
    return advance(left_ == 0 ? State::trailer_start : State::data);
}

bool ChunkedDecoder::count_trailer() {
    return ++overhead_ <= kMaxTrailers || fail(ChunkError::long_trailers);
}

bool ChunkedDecoder::begin_trailer(char c) {
    if (c == '\r') return advance(State::last_line_feed);
    if (c == '\n') return fail(ChunkError::bad_line_ending);
    return is_token_byte(c) ? advance(State::trailer_name) : fail(ChunkError::bad_trailer);
}

bool ChunkedDecoder::take_trailer_name(char c) {
    if (c == ':') return advance(State::trailer_value);
    return is_token_byte(c) || fail(ChunkError::bad_trailer);
}

bool ChunkedDecoder::take_trailer_value(char c) {
    if (c == '\r') return advance(State::trailer_line_feed);
    if (c == '\n') return fail(ChunkError::bad_line_ending);
    return !is_control(c) || fail(ChunkError::bad_trailer);
}

Text write_chunk_size(ChunkSizeLine& room, uint64_t size) {
    char* at = room.data() + room.size();
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = "0123456789abcdef"[size & 15U];
        size >>= 4U;
    } while (size != 0);
    return {at, static_cast<size_t>(room.data() + room.size() - at)};
}

}  // namespace sluice::http::h1
