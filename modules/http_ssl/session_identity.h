// What a session is bound to: it is resumed where the client would be judged now as it was judged then, and nowhere
// else (RFC 5246 §7.4.6, RFC 8446 §4.6.1).
#pragma once

#include <string>

#include <sluice/core/base/result.h>

#include "conf.h"
#include "openssl.h"

namespace sluice::tls {

/// Of a server whose context is complete: its certificates and, where clients are verified, all that decides about
/// one. It is made of what the files hold, and so survives a reload and an upgrade that change none of it.
Result<std::string> make_session_identity(SSL_CTX* context, const ServerConf& conf);

/// Binds the sessions of a connection to its server's identity. `name` is what the client has asked for (SNI), or
/// empty: where clients are verified, a session is that name's alone (CVE-2025-23419).
bool use_session_identity(SSL* ssl, Text identity, Text name);

}  // namespace sluice::tls
