// Destination: whom an exchange asks, in whose name, and by which protocols.
#pragma once

#include "core/base/text.h"

namespace sluice::event::tls {
struct ClientSettings;
}

namespace sluice::http::upstream {

struct SharedSessions;

/// What is asked for, and how.
struct Destination {
    Text scheme = "http://";
    Text uri;   ///< for log lines
    Text host;  ///< with or without port: who the upstream is, where `tls` has no name
    const event::tls::ClientSettings* tls = nullptr;  ///< null: plain; their client was made
    /// Not null: requests share connections by these sessions, and the protocol is a FieldProtocol.
    const SharedSessions* sessions = nullptr;
    bool needs_alpn = false;  ///< with TLS, only where the upstream chooses that protocol by ALPN
    /// The client's body is read first whatever `request_buffering` says: it is not sent at all, or needs its length
    /// in front of it.
    bool collects_body = false;
};

}  // namespace sluice::http::upstream
