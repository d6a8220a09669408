// Building a server's SSL_CTX from its settings. Each function does one part; errors carry nginx's words and
// OpenSSL's reasons, and point at the directive.
#pragma once

#include <sluice/core/conf/parser.h>

#include "conf.h"
#include "context_parts.h"
#include "openssl.h"

namespace sluice::tls {

/// The whole context of a server.
Result<UniqueContext> make_context(conf::Parser& parser, const ServerConf& conf);

Result<void> use_certificates(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);
Result<void> use_ciphers(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);
Result<void> use_verification(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);
Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);

/// The verification of clients that a handshake with this server asks for, and nothing else of it.
void set_verification(SSL* ssl, const ServerConf& conf);

}  // namespace sluice::tls
