// Session: the protocol spoken on a client's connection. HTTP/1 is the server's own; modules bring others by ALPN
// name or by the first bytes that a client sends.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/log/log.h"
#include "event/connection.h"

namespace sluice::http {

class ServerConnection;
struct Address;
struct Server;

class Session {
 public:
    virtual ~Session() = default;

    virtual void on_received(event::Received& received) = 0;
    virtual void on_sent() = 0;
    virtual void on_peer_closed() = 0;
    virtual void on_failed(const Error& error) = 0;
    /// The connection's timer ran out.
    virtual void on_timer() = 0;
    /// Graceful end: no new requests.
    virtual void shut_down() = 0;
    /// What it is doing, for a log line: " while reading client request line" and the request's own words.
    virtual void describe(TextBuilder& line) const = 0;
};

/// Of what broke a client's connection: a client's fault is no news.
inline LogLevel level_of(const Error& error) {
    return error.source == ErrorSource::client ? LogLevel::info : LogLevel::crit;
}

/// A protocol that a module brings (http::Module::sessions).
struct SessionType {
    Text alpn;  ///< its name in the TLS handshake (RFC 7301); empty: it has none
    /// The bytes that every connection without TLS begins with, at most 255; empty: it is never spoken there. HTTP/1
    /// must refuse them.
    Text preface;
    /// Whether `server`, whose settings are complete, speaks it on `address`.
    bool (*is_wanted)(const Server& server, const Address& address) = nullptr;
    /// The session of a connection of which it gets all bytes, the preface included.
    std::unique_ptr<Session> (*make)(ServerConnection& connection) = nullptr;
};

}  // namespace sluice::http
