// EpollBackend: readiness turned into completions. Every socket is registered once, edge-triggered; reads and writes
// are done here, at once.
//
//   wait() ─► events ─► receive_ahead(), of a batch ─► on_event() for each ─┬─ flush()
//                                                                          └─ tell() what was received, read() the
//                                                                          rest
#pragma once

#include <array>
#include <memory>
#include <span>

#include <sys/epoll.h>

#include "core/base/unique_fd.h"
#include "event/backend.h"
#include "event/buffer_pool.h"

namespace sluice::event {

class EpollBackend final : public Backend {
 public:
    /// An error when the kernel grants no epoll instance.
    static Result<std::unique_ptr<EpollBackend>> create(BufferPool& buffers);

    void wait(Msec longest) override;
    void deliver(Msec now) override;

    void open(Connection& connection) override;
    Result<void> connect(Connection& connection, const SocketAddress& peer) override;
    void resume(Connection& connection) override;
    SendState send(Connection& connection) override;
    void go_on(Connection& connection, bool is_blocked) override;
    void close(Connection& connection) override;

    void start(Listener& listener) override;
    void stop(Listener& listener) override;
    void forget(Listener& listener) override;
    Result<void> start(Watch& watch) override;
    void stop(Watch& watch) override;
    bool start(FileRead&) override { return false; }

 private:
    EpollBackend(UniqueFd epoll, BufferPool& buffers) : epoll_(std::move(epoll)), buffers_(buffers) {}

    /// What one recv() brought; a buffer only where bytes came.
    struct Reception {
        BufferHold buffer;
        uint32_t size = 0;
        uint32_t room = 0;  ///< what would have fitted; 0: nothing was tried
        int error = 0;      ///< errno

        bool was_tried() const { return room != 0; }
        bool is_end() const { return size == 0 && error == 0; }
    };
    /// Events whose bytes are received before the first of them is delivered.
    static constexpr size_t kBatch = 16;

    void deliver_batch(std::span<epoll_event> events);
    bool may_receive_ahead(const epoll_event& event) const;
    void on_event(Connection& connection, uint32_t events, Reception& ahead);
    bool finish_connect(Connection& connection, uint32_t events);
    void on_hang_up_while_paused(Connection& connection, uint32_t events);
    void serve(Connection& connection);
    void serve_ready();
    void read(Connection& connection);
    bool receive(Connection& connection, BufferPool::Kind kind, Reception& reception);
    bool read_once(Connection& connection);
    bool tell(Connection& connection, Reception& reception);
    void flush(Connection& connection);
    void accept(Listener& listener);
    bool accept_one(Listener& listener);
    bool add(int fd, uint32_t events, uint64_t data);
    bool remove(int fd, uint64_t data);

    UniqueFd epoll_;
    BufferPool& buffers_;
    std::array<epoll_event, 512> events_{};
    size_t event_count_ = 0;
    std::array<Reception, kBatch> ahead_;  ///< of the batch that is being delivered
};

}  // namespace sluice::event
