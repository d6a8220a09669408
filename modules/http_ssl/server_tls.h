// ServerTls: what a server block's settings have become: OpenSSL's context and what it works with.
#pragma once

#include "openssl.h"
#include "transport.h"

namespace sluice::tls {

struct ServerConf;

struct ServerTls {
    ServerTls() = default;
    ServerTls(const ServerTls&) = delete;
    /// A shared cache outlives the generation: what ends here is not taken out of it.
    ~ServerTls() {
        if (context != nullptr) SSL_CTX_sess_set_remove_cb(context.get(), nullptr);
    }

    UniqueContext context;
    const ServerConf* conf = nullptr;
    TransportOptions transport;
};

}  // namespace sluice::tls
