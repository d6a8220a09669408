// What a server decides while a client shakes hands: which server answers (SNI), which protocol follows (ALPN).
#pragma once

#include <sluice/http/security.h>

#include "conf.h"

namespace sluice::http {
struct Server;
class ServerConnection;
}  // namespace sluice::http

namespace sluice::tls {

/// The seam of http::Module.
extern const http::Security kSecurity;

/// The settings of a server block; null when none of the module's directives was met.
const ServerConf* conf_of(const http::Server& server);

/// What a handshake with the server of a connection is made with: its own, or the default server's if it has no
/// certificates.
const ServerTls& tls_of(const http::ServerConnection& connection);

/// Has a context ask back during handshakes.
void add_callbacks(SSL_CTX* context);

}  // namespace sluice::tls
