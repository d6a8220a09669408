// Backend: how a loop talks to the kernel. Two implementations: UringBackend and EpollBackend.
#pragma once

#include "core/base/list.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "event/connection.h"
#include "event/listener.h"

namespace sluice::event {

class BufferPool;
class FileRead;
class Watch;

/// Something in flight that is no connection's and no listener's; stays where it is until it has completed.
class Operation {
 public:
    virtual void on_completion(int result) = 0;

 protected:
    ~Operation() = default;
};

class Backend {
 public:
    virtual ~Backend() = default;

    /// Submits what was asked for and waits at most `longest` (negative: for ever) until deliver() has something to
    /// do.
    virtual void wait(Msec longest) = 0;
    /// Delivers what the last wait() brought; `now` is the loop's time.
    virtual void deliver(Msec now) = 0;

    virtual void open(Connection& connection) = 0;
    virtual Result<void> connect(Connection& connection, const SocketAddress& peer) = 0;
    /// Something of the connection's may have to be delivered, or received, that was held back by pause().
    virtual void resume(Connection& connection) = 0;
    /// Connection::receive_limit_ holds from now on.
    virtual void limit(Connection&) {}
    /// Sends what lies in Connection::out_. Answers `failed` with the reason in Connection::error_.
    virtual SendState send(Connection& connection) = 0;
    /// A thread has sent of Connection::out_: the rest follows, at once or, if it `is_blocked`, when there is room.
    virtual void go_on(Connection& connection, bool is_blocked) = 0;
    virtual void close(Connection& connection) = 0;

    /// Where the kernel will not have it now, Listener::on_start_failed() tries again later.
    virtual void start(Listener& listener) = 0;
    virtual void stop(Listener& listener) = 0;
    /// The listener goes: nothing may point to it any more.
    virtual void forget(Listener& listener) = 0;
    /// An error when the kernel will not watch: nothing is told then.
    virtual Result<void> start(Watch& watch) = 0;
    virtual void stop(Watch& watch) = 0;
    /// Begins to read a piece of a file; FileRead::on_completion() follows from the loop. False: this backend has no
    /// way to do so without blocking.
    virtual bool start(FileRead& read) = 0;

 protected:
    /// A pointer with its object's generation above it and a kind in its lowest three bits: what the kernel keeps for
    /// us. User space ends below bit 48.
    static uint64_t pack(const void* object, uint16_t generation, unsigned kind) {
        return reinterpret_cast<uint64_t>(object) | uint64_t{generation} << 48U | kind;
    }
    template <class T>
    static T* object_of(uint64_t packed) {
        return reinterpret_cast<T*>(packed & 0x0000fffffffffff8U);
    }
    static uint16_t generation_of(uint64_t packed) { return static_cast<uint16_t>(packed >> 48U); }
    static unsigned kind_of(uint64_t packed) { return packed & 7U; }

    /// Whether it is the same socket as before a call into its user.
    static bool is_still(const Connection& connection, uint16_t generation) {
        return connection.is_open() && connection.generation_ == generation;
    }
    /// Those that have something to do without the kernel saying so: resumed, or stopped to give others a turn.
    List<Connection, Connection> ready_;
    /// Those that wait for a buffer.
    List<Connection, Connection> starved_;
};

}  // namespace sluice::event
