// Slice: where a piece of a message lies in the caller's buffer, as offsets: the buffer may move while the message
// is still coming in.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::http::h1 {

struct Slice {
    uint32_t begin = 0;   ///< offset from the start of the buffer
    uint32_t length = 0;  ///< bytes

    constexpr uint32_t end() const { return begin + length; }
    constexpr bool empty() const { return length == 0; }
    /// The bytes themselves; `buffer` is what the parser was given, with at least end() bytes.
    constexpr Text in(Text buffer) const { return {buffer.data() + begin, length}; }
    constexpr bool operator==(const Slice&) const = default;

    /// Follows bytes that moved by `distance` (modulo 2^32), if it lies at `from` or behind; one not set yet stays.
    constexpr void move(uint32_t from, uint32_t distance) {
        if (begin >= from) begin += distance;
    }

    static constexpr Slice between(uint32_t from, uint32_t to) { return {from, to - from}; }
};

/// What one attempt to parse one element gave.
enum class Progress : uint8_t {
    need_more,    ///< every byte given was looked at; the element goes on
    complete,     ///< the element and its line ending are complete
    end_of_head,  ///< header lines only: the empty line that ends the head
    failed,       ///< malformed; the parser's error() says why, and no further call makes sense
};

/// Who sent a message, and so what is answered to the client when it is malformed: 400 or 502.
enum class Sender : uint8_t { client, upstream };

/// How a peer's mistake is answered and logged.
struct Refusal {
    uint16_t status = 0;  ///< HTTP status for the client, 0 when nothing is wrong
    Text text;            ///< nginx's words for the log, without the quoted input that some lines append
};

}  // namespace sluice::http::h1
