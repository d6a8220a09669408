// TLS to upstreams: which module speaks it, and what a connection has agreed on with its server.
#pragma once

#include "core/conf/parser.h"
#include "event/tls/client.h"

namespace sluice::http::upstream {

/// The module that speaks TLS to upstreams, loaded now if need be. Null: there is none, or autoload is off. An error
/// tells why it did not load.
Result<const event::tls::Clients*> find_tls_clients(conf::Parser& parser);

/// For an address of `scheme` ("https"): loads that module. `may_do_without`: only requests tell whether it is
/// needed. An error, at `word`, when it is needed and not there.
Result<void> load_tls(conf::Parser& parser, const conf::Token& word, Text scheme, bool may_do_without);
/// Makes the client of these settings, where some module speaks TLS.
Result<void> make_tls_client(conf::Parser& parser, const event::tls::ClientSettings& settings);

/// What makes one connection as good as another: requests share only those that are equal in this.
struct PeerSecurity {
    event::tls::Client* client = nullptr;  ///< null: plain
    Text identity;                         ///< the name asked for, whether it is told, and the certificate shown
    bool operator==(const PeerSecurity&) const = default;
};

}  // namespace sluice::http::upstream
