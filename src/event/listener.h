// Listener: accepts connections on an inherited or newly bound socket.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"
#include "event/address.h"
#include "event/timer.h"

namespace sluice::event {

class Loop;

/// The parameters of `listen` that concern the socket.
struct ListenOptions {
    int backlog = 511;
    int receive_buffer = 0;    ///< rcvbuf=, 0: the system's
    int send_buffer = 0;       ///< sndbuf=
    int fast_open = -1;        ///< fastopen=, -1: off
    bool deferred = false;     ///< TCP_DEFER_ACCEPT
    bool ipv6_only = true;     ///< ipv6only=
    bool reuse_port = false;   ///< one socket per worker
    bool binds_alone = false;  ///< `bind`
    bool is_datagram = false;  ///< `udp`
    bool was_written = false;  ///< any socket option was given: a second `listen` may not give others
    bool multipath = false;    ///< IPPROTO_MPTCP
    enum class KeepAlive : uint8_t { unset, off, on } keep_alive = KeepAlive::unset;
    int keep_idle = 0;  ///< so_keepalive=idle:interval:count, seconds; 0: the system's
    int keep_interval = 0;
    int keep_count = 0;
};

/// Makes, binds and listens. Errors in nginx's words: `bind() to 0.0.0.0:80 failed (98: Address already in use)`.
Result<UniqueFd> open_listening_socket(const SocketAddress& address, const ListenOptions& options);
/// Applies what may change on an inherited socket (backlog, buffers, keep-alive).
Result<void> configure_listening_socket(int fd, const ListenOptions& options);

struct Accepted {
    UniqueFd fd;  ///< non-blocking, close-on-exec, TCP_NODELAY set for TCP
    SocketAddress peer;
};

class AcceptHandler {
 public:
    /// A connection that the kernel had handed over before Listener::stop() is still delivered after it.
    virtual void on_accepted(Accepted&& accepted, void* endpoint) = 0;
    /// Descriptors or connections ran out: close idle ones. True when some room was made, or will be in this turn.
    virtual bool make_room() = 0;
    /// Asked before accepting: for how many connections there is room. When there is none and make_room() is false,
    /// accepting stops until Listener::resume(). With io_uring a few connections may still come.
    virtual size_t room() const = 0;

 protected:
    ~AcceptHandler() = default;
};

/// Owned by the worker; the descriptor belongs to the generation and stays open. Its handler may stop it, but not
/// destroy it.
class Listener {
 public:
    struct Options {
        bool multi_accept = false;
        bool is_exclusive = true;  ///< several workers share the socket: one of them is woken per connection
        bool takes_turns = false;  ///< accepts only while set_turn() says so (`accept_mutex`)
        Msec retry_delay{500};     ///< accept_mutex_delay: pause when accepting fails
    };
    Listener(Loop& loop, int fd, AcceptHandler& handler, void* endpoint, const Options& options);
    Listener(const Listener&) = delete;
    ~Listener();

    void start();
    /// The socket stays open, and what waits in its queue is left to others.
    void stop();
    /// There is no room: stops accepting until resume(). To be called as soon as that is so: a connection that has
    /// woken this worker in vain wakes no other.
    void hold_back();
    /// There is room again.
    void resume();
    /// Whether it is this worker's turn to accept; only of a listener that takes turns.
    void set_turn(bool is_ours);
    bool is_running() const { return is_running_; }
    /// After stop(): the kernel may still hand over a connection. One that it hands over when the listener has been
    /// destroyed is lost to its client.
    bool has_operations() const { return operations_ != 0; }
    int fd() const { return fd_; }
    void* endpoint() const { return endpoint_; }

 private:
    friend class EpollBackend;
    friend class UringBackend;
    bool is_accepting() const { return is_running_ && !is_held_back_ && has_turn_; }
    /// Whether all that wait may be taken at once: nobody else would take them, and there is room. A bit less of it
    /// is enough for going on than for beginning.
    bool may_take_all(bool goes_on) const;
    /// Tells the backend what has changed.
    void settle(bool was_accepting);
    /// Whether to accept (one more) now.
    bool may_accept();
    /// Logs why accept failed, and tries again after a pause when that was no fault of one connection and no room can
    /// be made.
    void on_accept_failed(int error);
    /// The kernel would not tell of connections: tries again after a pause.
    void on_start_failed(int error);
    void complain(LogLevel level, int error, Text what);
    void pause();
    void deliver(int fd, const SocketAddress& peer);
    /// One whose peer's address did not come with it. A client that has reset it meanwhile has no address any more,
    /// and what it sent counts for nothing (RFC 9293 §3.10.7.4): it is closed.
    void deliver(int fd);
    /// Takes a connection that waits, and delivers it. False when there is none, or it can't be had.
    bool take_one();
    void on_retry();
    /// For what a worker that has crashed was woken, no other is: the one that accepts after it looks a few times.
    void on_look();

    Loop& loop_;
    AcceptHandler& handler_;
    void* endpoint_;
    Options options_;
    Timer retry_;
    Timer look_;
    Msec look_after_{0};  ///< the pause before the next look
    int fd_;
    uint16_t operations_ = 0;
    uint16_t accepted_ = 0;  ///< since its turn began (epoll)
    bool is_running_ = false;
    bool is_held_back_ = false;  ///< running, but without room at present
    bool has_turn_;
    bool complained_ = false;    ///< that accepting fails, since one was accepted last
    int64_t complained_at_ = 0;  ///< the last second in which that was said
    void* operation_ = nullptr;  ///< the backend's
};

}  // namespace sluice::event
