// SecureTransport: a transport that begins with a handshake (TLS). Modules make them; whoever owns the connection
// hears how the handshake ends.
//
//   server: set_transport() ─ bytes come ─► handshake ─┬─► on_secured() ─► plain bytes both ways
//   client: set_transport(), start() ──────────────────┼─► on_handshake_failed()
//   server, the first byte is no handshake's ──────────┴─► on_not_secure()
#pragma once

#include "core/base/text.h"
#include "event/transport.h"

namespace sluice::event {

/// Told by the loop, from within the delivery of the bytes that decided it.
class HandshakeHandler {
 public:
    /// A client has sent the first bytes.
    virtual void on_handshake_begun() {}
    /// Plain bytes may go both ways; those that came with the end of the handshake are delivered after this call.
    virtual void on_secured() = 0;
    /// The peer was told by an alert; the user logs it (`error.source`: whose fault it is) and closes the connection,
    /// in this call if it likes.
    virtual void on_handshake_failed(const Error& error) = 0;
    /// A client speaks without TLS. The user takes the transport off the connection and does with `raw` what it would
    /// on a plain one.
    virtual void on_not_secure(Received& raw) = 0;

 protected:
    ~HandshakeHandler() = default;
};

class SecureTransport : public Transport {
 public:
    virtual ~SecureTransport() = default;

    /// Begins the client's side of the handshake; once, when the connection is established.
    virtual void start(Connection& connection) = 0;
    /// on_secured() was called.
    virtual bool is_secured() const = 0;
    /// The peer has said that nothing follows (close_notify, RFC 8446 §6.1): an end without it may be forged.
    virtual bool is_end_announced() const = 0;
    /// What ALPN has agreed on; empty: nothing.
    virtual Text protocol() const = 0;
};

}  // namespace sluice::event
