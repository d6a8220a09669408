// Authorities: who may have signed a peer's certificate, and what they have withdrawn. A file is parsed once for all
// server blocks, and not again by a reload while it is the same.
#pragma once

#include <sluice/core/conf/parser.h>
#include <sluice/event/tls/settings.h>

#include "openssl.h"

namespace sluice::tls {

/// Files; null: there is none.
struct Authorities {
    const event::tls::Word* named = nullptr;    ///< trusted, and clients are told their names
    const event::tls::Word* trusted = nullptr;  ///< just trusted
    const event::tls::Word* crl = nullptr;  ///< withdrawn certificates; there must be a list of each authority then
};

/// Has the context trust these, besides those that it trusts already.
Result<void> use_authorities(conf::Parser& parser, SSL_CTX* context, const Authorities& files);

}  // namespace sluice::tls
