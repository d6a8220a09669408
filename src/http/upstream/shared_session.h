// SharedSession: a connection to an upstream that carries many requests at a time (HTTP/2). The server knows none
// itself: a module offers them (http::Module::upstream_sessions), others use them.
//
//   Opening ─► SharedSessions::begin(connection) ─► open() ─► Channel of one exchange
//                                                    ▲ PeerConnection::find_shared(), for the next ones
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "core/base/text.h"

namespace sluice::conf {
class Parser;
}

namespace sluice::http::upstream {

class Channel;
class Exchange;
class FieldProtocol;
class PeerConnection;

/// Lives as long as its connection, whose user it is.
class SharedSession {
 public:
    virtual ~SharedSession() = default;
    /// Whether another stream may be opened now, as far as the peer allows.
    virtual bool has_room() const = 0;
    /// Before it is greeted: its only place is taken, or nobody gets it since the peer is silent.
    virtual bool holds_place() const = 0;
    /// Nobody waits for a place any more.
    virtual void on_line_empty() = 0;
    /// The peer has said what it allows.
    virtual bool is_greeted() const = 0;
    /// Streams at once that it allows, once it has said so.
    virtual uint32_t limit() const = 0;
    /// A stream, which sends `protocol`'s fields with the first send(). Both live until the channel is finished or
    /// closed, which they do in their destructor at the latest.
    virtual Channel& open(Exchange& user, FieldProtocol& protocol) = 0;
};

/// What a module offers.
struct SharedSessions {
    Text alpn;  ///< offered in the TLS handshake, in RFC 7301's format: its length in front
    /// Begins a session on a connection on which nothing was sent yet, and gives it to it (PeerConnection::share).
    void (*begin)(PeerConnection& connection) = nullptr;
};

/// The module that speaks HTTP/2, loaded now if need be. Null: there is none, or autoload is off. An error tells why
/// it did not load.
Result<const SharedSessions*> find_shared_sessions(conf::Parser& parser);

}  // namespace sluice::http::upstream
