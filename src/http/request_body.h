// RequestBody: what the client sends after its head. It is collected (memory, then a temporary file), streamed to a
// consumer, or discarded; limits are checked while it arrives.
#pragma once

#include <cstdint>

#include "core/base/unique_fd.h"
#include "core/base/units.h"
#include "event/chain.h"

namespace sluice::http {

class Request;

class RequestBody {
 public:
    /// How much will come, as the head announces it.
    enum class Framing : uint8_t {
        none,     ///< no body
        length,   ///< Content-Length
        chunked,  ///< Transfer-Encoding: chunked, or a stream that ends by itself (HTTP/2)
    };

    /// Called once: `status` 0 when the whole body is there, else the status to end the request with (400, 408, 413,
    /// 500).
    using Collected = void (*)(Request& request, uint16_t status);

    /// Takes pieces as they come (`proxy_request_buffering off`). Bytes are valid during the call only; a consumer
    /// that is full calls Request::stream().pause_body().
    class Consumer {
     public:
        virtual void on_body(Request& request, Text piece, bool is_last) = 0;
        virtual void on_body_failed(Request& request, uint16_t status) = 0;

     protected:
        ~Consumer() = default;
    };

    Framing framing = Framing::none;
    int64_t announced_length = 0;  ///< only for Framing::length
    int64_t received = 0;          ///< bytes of the body so far, framing taken off

    bool is_complete() const { return is_complete_; }
    bool is_discarded() const { return state_ == State::discarding; }

    /// Reads the whole body as `client_body_buffer_size`, `client_body_in_file_only` and friends say. `then` is
    /// called at once when everything is there already; otherwise later. The caller returns Verdict::taken() or
    /// suspend() in both cases.
    void collect(Request& request, Collected then);
    void stream_to(Request& request, Consumer& consumer);
    /// Takes over what `other` has collected; its memory and file stay where they are.
    void share(Arena& arena, const RequestBody& other);
    /// Nobody will read the body: what still comes is dropped by the session.
    void discard();
    /// Another location is going to answer: a body that nobody has read yet, or all of which was collected, is there
    /// for it. Of any other a part is gone already: it is discarded.
    void hand_on();

    /// The collected body: memory buffers and at most one file range, in order. Empty while streaming.
    const event::Chain& chain() const { return chain_; }
    /// The collected body when all of it is in memory; null Text when a file holds it.
    Text in_memory() const;
    /// Path of the temporary file; empty: there is none.
    Text file_path() const { return file_path_; }

    /// From the session: whether `client_max_body_size` allows what came and `announced` bytes more of a chunk. If
    /// not, the body has failed with 413.
    bool has_room_for(Request& request, int64_t announced);
    /// From the session: `piece` may be empty when only `is_last` is news.
    void feed(Request& request, Text piece, bool is_last);
    /// From the session: malformed framing, time-out, or a client that vanished.
    void fail(Request& request, uint16_t status);

 private:
    enum class State : uint8_t { untouched, collecting, streaming, discarding, failed, done };

    bool keep(Request& request, Text piece);
    bool spill(Request& request, Text piece);
    bool open_file(Request& request);
    void finish(Request& request);

    event::Chain chain_;
    Collected then_ = nullptr;
    Consumer* consumer_ = nullptr;
    char* memory_ = nullptr;
    size_t used_ = 0;
    size_t capacity_ = 0;
    UniqueFd file_;
    int64_t file_size_ = 0;
    Text file_path_;
    State state_ = State::untouched;
    bool is_complete_ = false;
};

}  // namespace sluice::http
