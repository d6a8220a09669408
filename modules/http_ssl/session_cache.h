// ssl_session_cache: where sessions are kept that clients come back to. A shared cache is a zone: every worker finds
// what another has stored, and a reload leaves it as it is.
#pragma once

#include "conf.h"
#include "openssl.h"

namespace sluice::tls {

/// `off | none | [builtin[:size]] [shared:name:size]`
Result<void> parse_session_cache(conf::Parser& parser, Setting<SessionCache>& field, conf::Arguments words);

void use_session_cache(SSL_CTX* context, const ServerConf& conf);

}  // namespace sluice::tls
