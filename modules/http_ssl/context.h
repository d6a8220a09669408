// Building a server's SSL_CTX from its settings. Each function does one part; errors carry nginx's words and
// OpenSSL's reasons, and point at the directive.
#pragma once

#include <sluice/core/conf/parser.h>

#include "conf.h"
#include "openssl.h"

namespace sluice::tls {

/// The whole context of a server. `passwords`: of its encrypted keys.
Result<UniqueContext> make_context(conf::Parser& parser, const ServerConf& conf,
                                   std::span<const std::string> passwords);

/// Those of ssl_password_file.
Result<std::vector<std::string>> passwords_of(conf::Parser& parser, const ServerConf& conf);
Result<void> use_certificates(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf,
                              std::span<const std::string> passwords);
Result<void> use_ciphers(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);
Result<void> use_verification(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);
Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf);

/// A name of a certificate or key, with an absolute path where it is one.
Text full_source(conf::Parser& parser, Text source);

/// The verification of clients that a handshake with this server asks for, and nothing else of it.
void set_verification(SSL* ssl, const ServerConf& conf);

/// An error that is found when all is read, as nginx words it; the caret points at `at`.
Error refuse(conf::Parser& parser, const conf::Position& at, Error error);

}  // namespace sluice::tls
