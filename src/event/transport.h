// Transport: what lies between a connection's user and the wire. TLS implements it in a module; a plain connection
// has none. The user above and the backend below never see the difference.
#pragma once

#include "core/base/result.h"
#include "event/connection.h"

namespace sluice::event {

class Transport {
 public:
    /// Raw bytes from the wire. Calls deliver() with what they mean, and may send on its own (handshake).
    virtual void on_raw_received(Connection& connection, Received& raw) = 0;
    /// Turns a chain of plain bytes into what goes on the wire (file ranges are read into memory) and sends it with
    /// send_raw().
    virtual SendState send(Connection& connection, Chain& plain) = 0;
    /// Whether ranges of files leave as without a transport: reading them first is of no use.
    virtual bool sends_files() const { return false; }
    /// A raw send is over: the transport sends what is left, or the user's on_sent() is called (returns true).
    virtual bool on_raw_sent(Connection& connection) = 0;
    /// The peer's end of stream: true when it was announced properly (TLS close_notify).
    virtual bool on_raw_closed(Connection& connection) = 0;
    /// Before close: a parting message (close_notify), sent as far as that works at once.
    virtual void on_close(Connection& connection) = 0;
    /// Before shutdown_write(): a parting message, behind what is being sent.
    virtual void on_shutdown_write(Connection& connection) = 0;
    /// Bytes of the user's that were handed to the kernel or wait for it only.
    virtual int64_t plain_sent(const Connection& connection) const = 0;

 protected:
    ~Transport() = default;
    /// Hands plain bytes to the connection's user, after resume() if it has paused. The user may close the connection
    /// in this call, and what comes after it must not be delivered then.
    static void deliver(Connection& connection, Received& plain);
    /// May be called while an earlier raw send is under way: `wire` leaves behind it.
    static SendState send_raw(Connection& connection, Chain& wire);
    /// The user's chain has left although nothing was pending on the wire: it had waited for the transport itself.
    static void tell_sent(Connection& connection);
    /// The peer has announced the end of its bytes; the end of the stream itself may follow, and is told then only
    /// to who asks for it (Connection::await_end()).
    static void tell_peer_closed(Connection& connection);
    /// The connection is broken: what the peer sent makes no sense, or what it waits for can't be sent. Once.
    static void tell_failed(Connection& connection, const Error& error);
    /// Puts memory into the kernel if nothing is on its way there, as much as fits, and returns how much: last words
    /// before a close, or what must be there before anything else.
    static size_t send_at_once(Connection& connection, const Buffer& wire);
    static bool is_writing(const Connection& connection) { return connection.is_writing_; }
    /// The socket was given keys: from now on it takes plain bytes, and records that are no data by their type
    /// (Buffer::record_type). It may hold back the end of what it has taken until there is room, and drops that when
    /// it is closed; so a send is over only when there is room for more.
    static void let_kernel_encrypt(Connection& connection) { connection.kernel_encrypts_ = true; }
};

}  // namespace sluice::event
