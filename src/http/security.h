// Security: what a module gives that encrypts clients' connections; `listen … ssl` asks for one.
#pragma once

#include <memory>

#include "event/secure_transport.h"

namespace sluice::http {

class ServerConnection;

struct Security {
    /// The transport of a new connection to an address with `ssl`, whose HandshakeHandler the connection is. Never
    /// null.
    std::unique_ptr<event::SecureTransport> (*secure)(ServerConnection& connection);
};

}  // namespace sluice::http
