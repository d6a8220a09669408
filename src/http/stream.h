// Stream: a session's end of one exchange. HTTP/1 has one at a time per connection, HTTP/2 and HTTP/3 many. The
// request speaks to its client only through it.
#pragma once

#include "core/base/units.h"
#include "event/chain.h"
#include "http/h1/version.h"

namespace sluice::http {

class Headers;
class Request;
class Tunnel;

/// What became of output handed to the writer.
enum class OutputState : uint8_t {
    sent,     ///< all of it has left (or lies in the kernel): more may be output now
    pending,  ///< it is on its way; the request's source is pulled when it has gone
    failed,   ///< the client is gone; the request is being finished
};

class Stream {
 public:
    /// Sends the head of `request.response` together with `body` (maybe empty). `is_last`: the message ends with it.
    virtual OutputState send_head(Request& request, event::Chain& body, bool is_last) = 0;
    /// Sends more of the body; only after send_head and when nothing is pending. The chain's buffers stay untouched
    /// until the next pull.
    virtual OutputState send_body(Request& request, event::Chain& body, bool is_last) = 0;
    /// An interim answer with fields of its own: 100 Continue, 103 Early Hints (RFC 9110 §15.2). Dropped where the
    /// client can't take it, or is slow.
    virtual void send_interim(Request& request, uint16_t status, const Headers& fields) = 0;

    /// The request wants (more of) its body: bytes are delivered to RequestBody::feed from now on, also from within.
    virtual void start_body(Request& request) = 0;
    /// Flow control of the body's delivery.
    virtual void pause_body(Request& request) = 0;
    virtual void resume_body(Request& request) = 0;

    /// After a 101 was sent: bytes of the client go to `tunnel`, raw; send_body() sends raw. finish() ends it.
    virtual void upgrade(Request& request, Tunnel& tunnel) = 0;
    /// Stops and restarts the client's bytes in a tunnel.
    virtual void pause_tunnel(Request& request, bool paused) = 0;

    /// Nothing more will be output: the response is complete, or given up. The stream logs, keeps the connection or
    /// closes it, and destroys the request.
    virtual void on_finished(Request& request) = 0;
    /// The exchange can't go on: the connection (HTTP/2: the stream) is reset.
    virtual void abort(Request& request) = 0;

    /// The bytes handed to the kernel so far for this exchange, head included ($bytes_sent).
    virtual Bytes bytes_sent(const Request& request) const = 0;
    virtual bool has_pending_output(const Request& request) const = 0;

 protected:
    ~Stream() = default;
};

}  // namespace sluice::http
