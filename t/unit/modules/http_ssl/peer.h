// A client of OpenSSL's own at the other end of a socket, and a server's context for it to talk to.
#pragma once

#include <string>

#include "event/fixture.h"
#include "http_ssl/openssl.h"

namespace sluice::tls::test {

/// A certificate of its own making in it.
UniqueContext make_server_context();

/// Speaks TLS over a Peer; nothing in it blocks. `at_once`: how many bytes leave in one write.
class TlsPeer {
 public:
    explicit TlsPeer(event::Peer peer, size_t at_once = SIZE_MAX);

    /// Takes what has come and sends what is to be sent; true once the handshake is over.
    bool shake_hands();
    /// Encrypts and sends.
    void write(Text plain);
    /// Decrypts what has come to the end of `received`.
    void read();
    /// Takes new keys for what it sends, and wants the other side to do so as well (RFC 8446 §4.6.3).
    void ask_for_new_keys();
    /// Says close_notify.
    void say_goodbye();
    bool heard_goodbye() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
    event::Peer& wire() { return wire_; }

    std::string received;

 private:
    void take();
    void give();

    event::Peer wire_;
    size_t at_once_;
    UniqueContext context_;
    UniqueSsl ssl_;
    std::string unsent_;
};

}  // namespace sluice::tls::test
