// The chunked transfer coding (RFC 9112 §7.1): a decoder that hands out the body's bytes where they lie, and what an
// encoder writes around them. Strict in framing: CR LF only, no white space that the grammar does not have.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/text.h"
#include "http/h1/slice.h"

namespace sluice::http::h1 {

enum class ChunkEvent : uint8_t {
    need_more,  ///< all input is used
    data,       ///< a piece of the body
    trailers,   ///< the last chunk is over and the input begins with the trailer section (Trailers::report only)
    done,       ///< the body is complete; what is left of the input does not belong to it
    failed,     ///< malformed; see refusal(). Any further call fails again
};

enum class ChunkError : uint8_t {
    none,
    bad_size,         ///< no hexadecimal digit, or something behind them that is no extension
    size_overflow,    ///< more than 2^63 - 1, or more than 16 digits
    bad_extension,    ///< a control character
    long_extension,   ///< more than kMaxExtension bytes
    bad_line_ending,  ///< not CR LF behind a size, behind a chunk or in the trailers
    bad_trailer,      ///< a line that is no field, or has a control character
    long_trailers,    ///< more than kMaxTrailers bytes
};

/// 400 `client sent invalid chunked body` or 502 `upstream sent invalid chunked response`.
Refusal refusal_of(ChunkError error, Sender sender);

/// What becomes of trailer fields.
enum class Trailers : uint8_t {
    discard,  ///< checked for their framing and dropped: next() goes on to `done`
    report,  ///< next() stops at `trailers`; the caller collects the bytes and parses them with a HeaderLineParser of
             ///< LinePolicy::trailer; its `end_of_head` is the end of the body, its failure ChunkError::bad_trailer
};

/// Takes the body in pieces, whatever their size; keeps no bytes.
///   while ((event = decoder.next(input, data)) == ChunkEvent::data) take(data);
class ChunkedDecoder {
 public:
    /// White space, extensions and line ending behind one size.
    static constexpr uint32_t kMaxExtension = 1024;
    /// All discarded trailer lines together.
    static constexpr uint32_t kMaxTrailers = 16384;

    explicit ChunkedDecoder(Sender sender, Trailers trailers = Trailers::discard)
        : sender_(sender), trailers_(trailers) {}

    /// Takes bytes off the front of `input`. With ChunkEvent::data, `data` is a view into what was taken, never
    /// empty.
    ChunkEvent next(Text& input, Text& data);

    bool is_done() const { return state_ == State::done; }
    /// Bytes of the current chunk that have not come yet; 0 between chunks.
    uint64_t chunk_left() const { return state_ == State::data ? left_ : 0; }
    /// Bytes of the body handed out so far.
    uint64_t body_size() const { return body_size_; }

    ChunkError error() const { return error_; }
    Refusal refusal() const { return refusal_of(error_, sender_); }

 private:
    enum class State : uint8_t {
        size,
        more_size,
        blanks,
        extension,
        size_line_feed,
        data,
        data_carriage_return,
        data_line_feed,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_line_feed,
        last_line_feed,
        done,
        failed,
    };

    bool step(char c);
    bool fail(ChunkError error);
    bool advance(State next);
    bool add_digit(char c);
    bool end_digits(char c);
    bool take_blank(char c);
    bool take_extension(char c);
    bool count_extension();
    bool begin_chunk();
    bool begin_trailer(char c);
    bool take_trailer_name(char c);
    bool take_trailer_value(char c);
    bool count_trailer();
    bool expect(char c, char wanted, State next);

    uint64_t left_ = 0;  ///< of the chunk; while reading a size: the size so far
    uint64_t body_size_ = 0;
    uint32_t overhead_ = 0;  ///< bytes of the current extension, or of the trailers
    uint8_t digits_ = 0;
    State state_ = State::size;
    ChunkError error_ = ChunkError::none;
    Sender sender_;
    Trailers trailers_;
};

/// Room for any size line.
using ChunkSizeLine = std::array<char, 18>;

/// Writes the line in front of a chunk of `size` bytes (not 0: that would be the last chunk); returns it.
Text write_chunk_size(ChunkSizeLine& room, uint64_t size);

constexpr Text kChunkEnd = "\r\n";                  ///< behind a chunk's data
constexpr Text kLastChunk = "0\r\n\r\n";            ///< ends a body without trailers
constexpr Text kLastChunkBeforeTrailers = "0\r\n";  ///< trailer lines and an empty line follow

}  // namespace sluice::http::h1
