// Session: the protocol spoken on a client's connection. HTTP/1 is the server's own; modules bring others by ALPN
// name or by the first bytes that a client sends.
#pragma once

#include "core/base/result.h"
#include "event/connection.h"

namespace sluice::http {

class ServerConnection;

class Session {
 public:
    virtual ~Session() = default;

    virtual void on_received(event::Received& received) = 0;
    virtual void on_sent() = 0;
    virtual void on_peer_closed() = 0;
    virtual void on_failed(const Error& error) = 0;
    /// The connection's timer ran out.
    virtual void on_timer() = 0;
    /// Graceful end: no new requests.
    virtual void shut_down() = 0;
    /// What it is doing, for a log line: " while reading client request line" and the request's own words.
    virtual void describe(TextBuilder& line) const = 0;
};

}  // namespace sluice::http
