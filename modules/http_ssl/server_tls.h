// ServerTls: what a server block's settings have become: OpenSSL's context and what it works with.
#pragma once

#include "openssl.h"
#include "transport.h"

namespace sluice::tls {

struct ServerConf;

struct ServerTls {
    UniqueContext context;
    const ServerConf* conf = nullptr;
    TransportOptions transport;
};

}  // namespace sluice::tls
