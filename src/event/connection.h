// Connection: a socket as its user sees it. Bytes are delivered, chains are sent, and everything that happened is
// told through the handler; nobody above this line calls recv or waits for readiness.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/list.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "event/address.h"
#include "event/chain.h"
#include "event/received.h"
#include "event/socket_writer.h"

namespace sluice::event {

class Connection;
class FileSender;
class Loop;
class ThreadPool;
class Transport;

/// The user of a connection. Called by the loop only, never from within a call of the user's except where said. A
/// handler may close the connection in any of these calls; objects are destroyed by burying them (Loop::bury), never
/// at once.
class ConnectionHandler {
 public:
    virtual void on_received(Received& received) = 0;
    /// The chain given to send() has left; only when send() answered `pending`.
    virtual void on_sent() = 0;
    /// connect() has succeeded.
    virtual void on_connected() {}
    /// The peer will send nothing more (FIN). Told once, after all bytes were delivered. While paused it is told as
    /// soon as it is known; bytes may still follow after resume(), and then it is told again.
    virtual void on_peer_closed() = 0;
    /// The connection is broken (reset, connect failed, send failed); nothing else follows. The user closes it.
    virtual void on_failed(const Error& error) = 0;

 protected:
    ~ConnectionHandler() = default;
};

enum class SendState : uint8_t {
    done,     ///< all of it lies in the kernel
    pending,  ///< on_sent() comes later; until then the chain's memory stays untouched and no other send() is allowed
    failed,   ///< the connection is broken, send_error() tells why; on_failed() is NOT called in addition
};

/// Options of connect().
struct ConnectOptions {
    const SocketAddress* bind_to = nullptr;  ///< proxy_bind
    bool is_transparent = false;             ///< IP_TRANSPARENT
    bool keepalive = false;                  ///< SO_KEEPALIVE
    int receive_buffer = 0;                  ///< SO_RCVBUF, 0: the system's
    int send_buffer = 0;
};

/// Also a node of the list in which its backend notes who has something to do in the next turn.
class Connection : public ListNode<Connection> {
 public:
    Connection(Loop& loop, ConnectionHandler& handler) : loop_(loop), handler_(&handler) {}
    Connection(const Connection&) = delete;
    /// Only when closed and has_operations() is false.
    ~Connection();

    /// Takes an accepted, non-blocking socket and begins to receive.
    void open(UniqueFd fd);
    /// Begins to connect; on_connected or on_failed follows, never from within this call. An error here (no socket,
    /// bind failed) is returned instead.
    Result<void> connect(const SocketAddress& peer, const ConnectOptions& options);

    /// Gives the connection another user, e.g. none in particular while it is kept for reuse. Receiving goes on.
    void set_handler(ConnectionHandler& handler) { handler_ = &handler; }
    ConnectionHandler& handler() const { return *handler_; }

    /// No on_received() until resume(). What the kernel handed over meanwhile is kept, at most a few buffers.
    void pause();
    /// Delivers what was kept from the loop, not from within this call.
    void resume();
    bool is_paused() const { return is_paused_; }
    /// Much will come (a response body, an upload): larger buffers are used from now on. Without it they are used
    /// while what comes fills the small ones.
    void expect_bulk(bool expected) { expects_bulk_ = expected; }
    /// After what is sent next the connection will be closed: it does not wait for the turn's end, so that both
    /// happen before the peer closes its side, which would leave the end of the connection to this one. For good.
    void expect_end() { expects_end_ = true; }
    /// What is sent next is the last, and close() or shutdown_write() follows as soon as it is out: its last packet
    /// waits for FIN, 200 ms at most. Not where the peer may still send: close() then resets the connection, and what
    /// waits is lost. For good.
    void join_end() { precedes_end_ = true; }

    /// Within on_peer_closed(), where a transport has told an end that the peer has announced: the peer may still
    /// listen, and on_peer_closed() comes once more with the end of the stream.
    void await_end();

    /// At most so many bytes are delivered at once from now on, so that the user can pause in between, or so that
    /// what it can't pass on takes no larger buffer than it needs; 0: any.
    void limit_receiving(uint32_t most);

    /// Sends a chain; takes its contents. Only full packets leave while more of the chain follows, but see
    /// fill_packets().
    SendState send(Chain& chain);
    /// How ranges of files leave from now on: `most` bytes at once before others have their turn (0: any); in threads
    /// of `pool`, or, where that is null, from the loop.
    void send_files(int64_t most, ThreadPool* pool);
    /// false: memory in front of a range of a file that takes several packets does not wait for it, so that the peer
    /// has it at once (`tcp_nopush`). Without this call it waits. The kernel's TLS makes records of what waits, and
    /// always waits.
    void fill_packets(bool on) { fills_packets_ = on; }
    bool is_sending() const { return is_sending_; }
    /// Bytes that the kernel would take at once, as far as it tells: 0 where its memory for the peer is full.
    int64_t send_room() const;
    /// errno of a send() that failed; 0: a file was shorter than its range.
    int send_error() const { return error_; }
    /// What there is to log of a send() that has just failed. Its source is the client where the peer, or the way to
    /// it, is to blame, and internal where a file is.
    Error send_failure() const;
    /// FIN after what is being sent.
    void shutdown_write();
    /// Closes; operations in flight are cancelled. No handler call follows.
    void close();
    /// As close(), with RST (`reset_timedout_connection`).
    void abort();

    bool is_open() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    Loop& loop() const { return loop_; }
    /// Bytes handed to the kernel, and received, since open() or connect(); a transport's own bytes included.
    int64_t bytes_sent() const { return bytes_sent_; }
    int64_t bytes_received() const { return bytes_received_; }
    /// Of the bytes sent, those that the user gave: without what a transport adds.
    int64_t user_bytes_sent() const;
    /// The kernel still works on something that points here: the object must not be destroyed yet.
    bool has_operations() const { return operations_ != 0; }

    /// The TLS seam; null: plain. Owned by the connection's user, set before the first byte or inside on_received.
    void set_transport(Transport* transport) { transport_ = transport; }
    Transport* transport() const { return transport_; }

 private:
    friend class Backend;
    friend class EpollBackend;
    friend class FileSender;
    friend class UringBackend;
    friend class Transport;

    /// A delivery kept while paused.
    struct Kept {
        Received received;
        BufferHold hold;
        bool is_plain;  ///< it has passed the transport
        Kept* next;
    };

    static constexpr int64_t kWriteAtOnce = 2 * 1024 * 1024;  ///< without send_files()
    /// Short deliveries after which small buffers are used again.
    static constexpr uint8_t kBulkMemory = 4;

    void begin(int fd);
    bool wants_bulk() const;
    /// io_uring: whether buffers are chosen, and filled, by the kernel, to which no limit can be told.
    bool wants_multishot() const { return receive_limit_ == 0 && !wants_bulk(); }
    /// How much may be received into a buffer.
    uint32_t room_of(const PoolBuffer& buffer) const {
        return receive_limit_ == 0 ? buffer.capacity : std::min(buffer.capacity, receive_limit_);
    }
    int kept_count() const;
    SendState send_raw(Chain& chain);
    void keep(Received& received, bool is_plain);
    void drop_kept();
    WriteOptions write_options() const;
    SendState send_file_in_thread();
    bool is_file_in_thread() const;

    // What the backend tells. The user may close the connection in each of them.
    void tell_received(PoolBuffer& buffer, Text bytes);
    void tell_kept();
    void tell_connected();
    void tell_written();
    void tell_peer_closed();
    void tell_failed(const Error& error);
    void tell_failed(const char* call, int number);
    void tell_send_failed() { tell_failed(send_failure()); }
    void on_file_sent(int64_t size, int error, bool is_short);

    Loop& loop_;
    ConnectionHandler* handler_;
    Transport* transport_ = nullptr;
    Chain out_;  ///< on its way to the kernel
    int64_t bytes_sent_ = 0;
    int64_t bytes_received_ = 0;
    Kept* kept_ = nullptr;
    FileSender* file_sender_ = nullptr;  ///< made where files do not leave in the usual way
    int fd_ = -1;
    uint32_t receive_limit_ = 0;
    uint16_t operations_ = 0;
    uint16_t generation_ = 0;  ///< tells what the kernel says about an earlier socket of this object
    uint16_t error_ = 0;
    uint8_t bulk_memory_ = 0;
    uint8_t seen_in_ = 0;  ///< io_uring: the epoch of Batching
    bool is_paused_ : 1 = false;
    bool expects_bulk_ : 1 = false;
    bool expects_end_ : 1 = false;
    bool precedes_end_ : 1 = false;  ///< what is sent: FIN follows
    bool fills_packets_ : 1 = true;
    bool is_sending_ : 1 = false;  ///< a chain of the user's
    bool is_writing_ : 1 = false;  ///< `out_`, which may be a transport's own
    bool shuts_down_ : 1 = false;  ///< when `out_` has gone
    bool is_connecting_ : 1 = false;
    bool is_failed_ : 1 = false;
    bool is_readable_ : 1 = false;          ///< epoll: an edge came that was not read to its end
    bool is_receiving_ : 1 = false;         ///< io_uring: a receive is in flight
    bool is_multishot_ : 1 = false;         ///< io_uring: which goes on by itself
    bool is_stopping_ : 1 = false;          ///< io_uring: which is being cancelled
    bool is_waiting_to_write_ : 1 = false;  ///< io_uring: until the socket is writable
    bool is_watching_end_ : 1 = false;      ///< io_uring: a poll for the peer's end is in flight
    bool yields_ : 1 = false;               ///< io_uring: sending goes on in the next turn
    bool peer_closed_ : 1 = false;
    bool closed_told_ : 1 = false;
    bool end_is_announced_ : 1 = false;   ///< `peer_closed_` is what a transport says; the stream goes on
    bool closed_told_early_ : 1 = false;  ///< while paused: bytes may still follow
    bool kernel_encrypts_ : 1 = false;    ///< see Transport::let_kernel_encrypt()
};

}  // namespace sluice::event
