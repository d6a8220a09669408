// The head of a message: first line and header lines, taken one after the other from a growing buffer. It allocates
// nothing and keeps nothing but offsets.
//   while ((step = head.next(buffer)) == HeadStep::header) store(head.header());
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "http/h1/header_line.h"
#include "http/h1/request_line.h"
#include "http/h1/slice.h"
#include "http/h1/status_line.h"

namespace sluice::http::h1 {

enum class HeadStep : uint8_t {
    need_more,   ///< all bytes are used: call again with a longer buffer, or give up if the element must fit
    first_line,  ///< first_line() is complete
    header,      ///< header() is one more field
    done,        ///< the head is complete; what follows begins at end()
    failed,      ///< malformed: see refusal() and end(), the offset of the offending byte
};

/// How a head and its caller's buffers work together: `buffer` always begins where it began, and holds what it held,
/// at the same offsets; only its address and its size may change. When it is full and next() says `need_more`, the
/// caller takes a larger buffer, copies the unfinished element (from element_begin() on) to its start and calls
/// rebase(0); slices reported earlier still refer to the old buffer. Thus the request line or any single header fits
/// into one buffer or is refused by the caller: 414 while is_in_first_line(), else 431 (nginx answers 400 and 494).
template <class FirstLineParser, LinePolicy policy>
class HeadParser {
 public:
    /// A head that begins at offset `begin`.
    explicit HeadParser(uint32_t begin = 0) : first_(begin), headers_(policy, begin) {}

    /// The next step. After `done` or `failed` it must not be called again.
    HeadStep next(Text buffer);

    /// Valid from HeadStep::first_line on.
    const auto& first_line() const { return first_.line(); }
    /// Valid after HeadStep::header, until the next call.
    const HeaderLine& header() const { return headers_.line(); }

    bool is_in_first_line() const { return is_in_first_line_; }
    /// Offset of the element that is not complete yet; everything before it was reported.
    uint32_t element_begin() const { return is_in_first_line_ ? first_.begin() : headers_.begin(); }
    /// Offset of the first byte not used.
    uint32_t end() const { return is_in_first_line_ ? first_.end() : headers_.end(); }

    /// After `failed`, what nginx's log line for a header quotes: the line up to the offending byte, and that byte.
    Text accepted(Text buffer) const { return buffer.substr(element_begin(), end() - element_begin()); }
    unsigned char offender(Text buffer) const { return end() < buffer.size() ? buffer[end()] : 0; }
    /// Status and log text for `failed`.
    Refusal refusal() const { return is_in_first_line_ ? first_.refusal() : headers_.refusal(); }
    auto first_line_error() const { return first_.error(); }
    HeaderLineError header_error() const { return headers_.error(); }

    /// The caller copied the bytes from element_begin() on to offset `new_begin` of another buffer.
    void rebase(uint32_t new_begin);

 private:
    FirstLineParser first_;
    HeaderLineParser headers_;
    bool is_in_first_line_ = true;
};

/// An HTTP/0.9 request is `done` right after its line.
using RequestHeadParser = HeadParser<RequestLineParser, LinePolicy::request>;
using ResponseHeadParser = HeadParser<StatusLineParser, LinePolicy::response>;

extern template class HeadParser<RequestLineParser, LinePolicy::request>;
extern template class HeadParser<StatusLineParser, LinePolicy::response>;

}  // namespace sluice::http::h1
