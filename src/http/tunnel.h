// Tunnel: who takes over a stream after the protocol was switched (101, WebSocket): bytes both ways without meaning.
#pragma once

#include "event/received.h"

namespace sluice::http {

class Tunnel {
 public:
    /// What the client sent before the switch; valid during the call only. Once, from within Stream::upgrade().
    virtual void on_client_ahead(Text bytes) = 0;
    virtual void on_client_received(event::Received& received) = 0;
    /// What Stream::send_body answered `pending` for has gone; also behind Request::finish(), until the request is
    /// over.
    virtual void on_client_sent() = 0;
    /// Behind all bytes of the client. `still_listens`: it has ended its direction alone (END_STREAM, RFC 8441 §5).
    virtual void on_client_closed(bool still_listens) = 0;
    /// The client is gone, and the log tells why. Whoever calls ends the request behind this call.
    virtual void on_client_failed() = 0;

 protected:
    ~Tunnel() = default;
};

}  // namespace sluice::http
