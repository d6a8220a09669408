// TLS to upstreams: which module speaks it, and what a connection has agreed on with its server.
#pragma once

#include "core/conf/parser.h"
#include "event/tls/client.h"

namespace sluice::http::upstream {

/// The module that speaks TLS to upstreams, loaded now if need be. Null: there is none, or autoload is off. An error
/// tells why it did not load.
Result<const event::tls::Clients*> find_tls_clients(conf::Parser& parser);

/// What makes one connection as good as another: requests share only those that are equal in this.
struct PeerSecurity {
    event::tls::Client* client = nullptr;  ///< null: plain
    Text identity;                         ///< the name asked for, whether it is told, and the certificate shown
    bool operator==(const PeerSecurity&) const = default;
};

}  // namespace sluice::http::upstream
