// TLS towards an upstream, as the module that speaks it is seen from here: a maker of contexts, found in
// http::Module; a context for each group of settings; a transport for each connection.
//
//   configuration:  Clients::make(settings) ─► Client, one for all locations with the same settings
//   connection:     Client::begin() ─► SecureTransport ─► HandshakeHandler
#pragma once

#include <memory>

#include "core/base/result.h"
#include "event/address.h"
#include "event/secure_transport.h"
#include "event/tls/settings.h"

namespace sluice::conf {
class Parser;
}

namespace sluice::event::tls {

/// Who a connection is to, and for whom.
struct Wanted {
    /// Who the peer should be, without a port: for SNI and verification.
    Text name;
    /// What variables name to be presented (see ClientSettings::has_variable_certificate); empty: nothing.
    Text certificate;
    Text certificate_key;
    /// Equal for those that may share connections and sessions with `peer`.
    Text identity;
    const SocketAddress& peer;
    const ClientSettings& settings;  ///< of the location that asks, which shares the client's context
};

/// A context, for connections to many peers; lives as long as the configuration.
class Client {
 public:
    /// The transport of a connection that has just been made; the owner of the connection sets it, calls its start(),
    /// and keeps it as long as the connection has operations. `handler` hears, from on_secured() on, that the peer is
    /// who it should be, as far as that is to be verified. An error is one of this server's: a certificate that
    /// variables name can't be loaded.
    virtual Result<std::unique_ptr<SecureTransport>> begin(Connection& connection, const Wanted& wanted,
                                                           HandshakeHandler& handler) = 0;

 protected:
    ~Client() = default;
};

/// What a module offers.
class Clients {
 public:
    /// Loads certificates and checks all settings. Errors in nginx's words, with OpenSSL's reason. `settings` live as
    /// long as the configuration.
    virtual Result<Client*> make(conf::Parser& parser, const ClientSettings& settings) const = 0;

 protected:
    ~Clients() = default;
};

/// One group of settings, and its client once a location needs it.
class ClientContext {
 public:
    explicit ClientContext(const ClientSettings& settings) : settings_(settings) {}
    /// While the configuration is read: makes the client when it is asked for first.
    Result<void> demand(conf::Parser& parser, const Clients& clients);
    /// Null: nobody has asked.
    Client* client() const { return client_; }

 private:
    const ClientSettings& settings_;
    Client* client_ = nullptr;
};

/// After inheritance: gives `settings` the context of the enclosing block, unless they say something themselves.
/// `enclosing`: null for the outermost block.
void share_context(Arena& arena, ClientSettings& settings, const ClientSettings* enclosing);

/// "host:port", "[v6]:port" or "host" without port and brackets.
Text name_without_port(Text host);

}  // namespace sluice::event::tls
