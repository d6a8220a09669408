// ClientTransport: TLS on one connection to an upstream: the handshake counts only when the upstream is who it should
// be, and the session it gives is kept.
#pragma once

#include "client_sessions.h"
#include "transport.h"

namespace sluice::tls {

struct ClientIdentity {
    std::string name;         ///< who the upstream should be
    bool verifies = false;    ///< its certificate must be valid, and for that name
    std::string session_key;  ///< empty: sessions are not kept
    ClientSessions* sessions = nullptr;
};

class ClientTransport final : private event::HandshakeHandler, public TlsTransport {
 public:
    ClientTransport(UniqueSsl ssl, event::Loop& loop, event::HandshakeHandler& user, ClientIdentity identity)
        : TlsTransport(std::move(ssl), Side::client, loop, *this, {}), user_(user), identity_(std::move(identity)) {}
    static ClientTransport& of(const SSL* ssl) { return static_cast<ClientTransport&>(TlsTransport::of(ssl)); }

    /// A session came that may be resumed. True: it was taken over.
    bool keep_session(SSL_SESSION* session);

 private:
    // event::HandshakeHandler
    void on_secured() override;
    void on_handshake_failed(const Error& error) override { user_.on_handshake_failed(error); }
    void on_not_secure(event::Received&) override;

    Result<void> verify() const;
    bool is_certificate_for(X509* certificate) const;

    event::HandshakeHandler& user_;
    ClientIdentity identity_;
};

/// An IPv4 or IPv6 address rather than a host's name.
bool is_ip_address(Text name);

}  // namespace sluice::tls
