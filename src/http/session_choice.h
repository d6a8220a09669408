// Which sessions there are to choose from: on an address, in a TLS handshake, by the first bytes of a connection.
#pragma once

#include <vector>

#include "core/base/text.h"

namespace sluice::http {

class HttpConf;
struct Address;
struct Server;
struct SessionType;

/// Fills Address::sessions of all addresses; once, when the configuration is complete.
void settle_sessions(HttpConf& http);

/// The ALPN names that `server` speaks on `address` beside those of HTTP/1, the preferred one first.
std::vector<Text> session_names(const Server& server, const Address& address);

/// The session type of that ALPN name among those of `address`; null: HTTP/1.
const SessionType* find_session(const Address& address, Text alpn);

/// The first bytes of a connection without TLS, while they could be those of a session's preface. They are not kept:
/// as long as they match, they are what the preface says.
class PrefaceMatch {
 public:
    enum class Outcome : uint8_t { need_more, matched, none };

    /// Looks at the next bytes. `matched`: type() is spoken. `none`: HTTP/1 is.
    Outcome look(const Address& address, Text bytes);
    /// The bytes that earlier calls have seen.
    Text seen(const Address& address) const;
    const SessionType& type(const Address& address) const;

 private:
    bool fits(Text preface, Text before, Text bytes) const;

    uint8_t seen_ = 0;
    uint8_t candidate_ = 0;  ///< index in Address::sessions
};

}  // namespace sluice::http
