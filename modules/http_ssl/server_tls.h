// ServerTls: what a server block's settings have become: OpenSSL's context and what it works with.
#pragma once

#include <string>
#include <vector>

#include <sluice/core/script/complex_value.h>

#include "openssl.h"
#include "transport.h"

namespace sluice::tls {

class CertificateCache;
class Staple;
struct ServerConf;

/// A certificate and its key, one of which is known in the handshake only.
struct VariablePair {
    script::Complex certificate;
    script::Complex key;
};

struct ServerTls {
    ServerTls();
    ServerTls(const ServerTls&) = delete;
    /// A shared cache outlives the generation: what ends here is not taken out of it.
    ~ServerTls();

    UniqueContext context;
    const ServerConf* conf = nullptr;
    TransportOptions transport;
    std::string session_identity;  ///< see session_identity.h
    Text folder;                   ///< of the main configuration file, with trailing slash
    std::vector<std::string> passwords;
    std::vector<VariablePair> variable_pairs;
    std::unique_ptr<CertificateCache> cache;
    std::vector<std::unique_ptr<Staple>> staples;
};

}  // namespace sluice::tls
