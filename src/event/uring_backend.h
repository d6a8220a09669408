// UringBackend: all that a turn of the loop asks for goes to the kernel in one call, which brings back what has
// completed. Receives go on by themselves (multishot) into a ring of provided buffers; what comes in bulk is read at
// once, into large ones.
#pragma once

#include <memory>

#include <liburing.h>

#include "core/base/arena.h"
#include "core/log/log.h"
#include "event/backend.h"
#include "event/batching.h"
#include "event/buffer_ring.h"

namespace sluice::event {

class UringBackend final : public Backend {
 public:
    /// An error when this kernel has no io_uring that is good enough, or refuses it. `connections` sizes the queues.
    static Result<std::unique_ptr<UringBackend>> create(BufferPool& buffers, uint32_t connections);
    ~UringBackend() override;

    void wait(Msec longest) override;
    void deliver(Msec now) override;

    void open(Connection& connection) override;
    Result<void> connect(Connection& connection, const SocketAddress& peer) override;
    void resume(Connection& connection) override;
    void limit(Connection& connection) override;
    SendState send(Connection& connection) override;
    void go_on(Connection& connection, bool is_blocked) override;
    void close(Connection& connection) override;

    void start(Listener& listener) override;
    void stop(Listener& listener) override;
    void forget(Listener& listener) override;
    Result<void> start(Watch& watch) override;
    void stop(Watch& watch) override;
    bool start(FileRead& read) override;

 private:
    /// What a completion belongs to: the lowest bits of its user data.
    enum Kind : unsigned { kNothing, kReceive, kSend, kConnect, kWritable, kHangUp, kAccept, kOperation };

    struct WatchOperation;
    struct AcceptOperation;
    struct AcceptSlot;

    struct Completion {
        uint64_t data;
        int result;
        unsigned flags;
        bool goes_on() const { return (flags & IORING_CQE_F_MORE) != 0; }
    };

    explicit UringBackend(BufferPool& buffers);
    Result<void> set_up(uint32_t connections);
    Result<void> try_out();
    bool await_completion();

    io_uring_sqe& next();
    void cancel(uint64_t data);
    void poll(int fd, unsigned events, uint64_t data);
    void receive(int fd, uint64_t data);
    void wait_for_batch(const __kernel_timespec* longest);
    Completion pop();
    void dispatch(const Completion& completion);

    // uring_connection.cpp
    void on_completion(Connection& connection, const Completion& completion);
    void on_receive(Connection& connection, const Completion& completion);
    void on_received(Connection& connection, const Completion& completion);
    void on_receive_ended(Connection& connection, int error);
    void on_readable(Connection& connection, int events);
    void read_bulk(Connection& connection);
    bool read_once(Connection& connection);
    bool has_buffer_for(const Connection& connection) const;
    void on_end(Connection& connection);
    void on_send(Connection& connection, int result);
    void on_connect(Connection& connection, int result);
    void on_hang_up(Connection& connection, int events);
    void tell_hang_up(Connection& connection, int events);
    void arm(Connection& connection);
    void stop_receiving(Connection& connection);
    void watch_for_end(Connection& connection);
    void starve(Connection& connection);
    void feed_starved();
    void serve_ready();
    void serve(Connection& connection);
    void go_on_sending(Connection& connection);
    void wait_for_room(Connection& connection);
    SendState write_now(Connection& connection);
    void queue_send(Connection& connection);
    bool withdraw_send(const Connection& connection);

    // uring_listener.cpp
    void on_accept(AcceptSlot& slot, const Completion& completion);
    void accept(AcceptOperation& operation);
    void accept_one(AcceptSlot& slot);
    void accept_all(AcceptSlot& slot);
    void take_woken(Listener& listener);
    void release(AcceptOperation& operation);

    void on_watch(WatchOperation& operation);
    void poll(WatchOperation& operation);
    static uint64_t pack_operation(Operation& operation) { return pack(&operation, 0, kOperation); }

    BufferPool& pool_;
    ::io_uring ring_{};
    bool is_set_up_ = false;
    bool has_ring_index_ = false;  ///< the kernel knows the ring by an index, not by a descriptor
    bool can_batch_ = false;
    bool can_limit_ = true;            ///< how much one multishot receive brings
    bool is_arrival_counted_ = false;  ///< of this turn: all that it brings was there when it began
    Batching batching_;
    BufferRing ring_buffers_;
    Arena messages_;  ///< message headers and addresses that the kernel reads when they are submitted
    List<WatchOperation, WatchOperation> watches_;
    List<AcceptOperation, AcceptOperation> listeners_;
};

}  // namespace sluice::event
