// EpollBackend: readiness turned into completions. Every socket is registered once, edge-triggered; reads and writes
// are done here, at once.
#pragma once

#include <array>
#include <memory>

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
    void start(Watch& watch) override;
    void stop(Watch& watch) override;
    bool start(FileRead&) override { return false; }

 private:
    EpollBackend(UniqueFd epoll, BufferPool& buffers) : epoll_(std::move(epoll)), buffers_(buffers) {}

    void on_event(Connection& connection, uint32_t events);
    bool finish_connect(Connection& connection, uint32_t events);
    void on_hang_up_while_paused(Connection& connection, uint32_t events);
    void serve(Connection& connection);
    void serve_ready();
    void read(Connection& connection);
    bool read_once(Connection& connection);
    void flush(Connection& connection);
    void accept(Listener& listener);
    bool accept_one(Listener& listener);
    bool add(int fd, uint32_t events, uint64_t data);
    void remove(int fd, uint64_t data);

    UniqueFd epoll_;
    BufferPool& buffers_;
    std::array<epoll_event, 512> events_{};
    size_t event_count_ = 0;
};

}  // namespace sluice::event
