// Stapling: the status of the server's own certificates, asked for by the server and shown to clients in the
// handshake (RFC 6066 §8), so that they need not ask. Each worker asks when a client wants to know, and again in
// time.
//   ssl_stapling on;  ssl_trusted_certificate ca.pem;  ssl_stapling_verify on;
#pragma once

#include <sluice/core/conf/parser.h>

#include "server_tls.h"

namespace sluice::tls {

/// Prepares stapling for each certificate of the context, if the settings ask for it; what can't be done for one is
/// a warning, as in nginx.
Result<void> use_stapling(conf::Parser& parser, ServerTls& tls);

}  // namespace sluice::tls
