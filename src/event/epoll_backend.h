// EpollBackend: readiness turned into completions. Each socket is registered once, edge-triggered for both
// directions; reads and writes happen here.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include <sys/epoll.h>

#include "core/base/unique_fd.h"
#include "event/backend.h"

namespace sluice::event {

class EpollBackend final : public Backend {
 public:
    static Result<std::unique_ptr<Backend>> create(Loop& loop);
    explicit EpollBackend(Loop& loop) : loop_(loop) {}

    void wait(Msec longest) override;

    void open(Connection& connection) override;
    void connect(Connection& connection, const SocketAddress& peer) override;
    void pause(Connection& connection) override;
    void resume(Connection& connection) override;
    SendState send(Connection& connection) override;
    void shutdown_write(Connection& connection) override;
    void close(Connection& connection) override;

    void start(Listener& listener) override;
    void stop(Listener& listener) override;
    void start(Watch& watch) override;
    void stop(Watch& watch) override;

 private:
    /// What epoll's data word points to, told apart by its two lowest bits.
    enum class Target : uint64_t { connection = 0, listener = 1, watch = 2 };
    static constexpr uint64_t kTargetMask = 3;
    static constexpr size_t kEvents = 512;

    void add(int fd, uint32_t events, const void* target, Target kind);
    void forget(const void* target);
    void dispatch(const epoll_event& event);
    void on_connection(Connection& connection, uint32_t events);
    void finish_connect(Connection& connection);
    void read(Connection& connection);
    bool read_once(Connection& connection);
    void on_writable(Connection& connection);
    void on_end(Connection& connection);
    void fail(Connection& connection, Text call, int error);
    /// Sends what it can of out_; nothing when all or as much as possible went, else the errno.
    int push(Connection& connection);
    void accept(Listener& listener);
    void register_again(Connection& connection);
    /// Reads, or tells the end of connect(), at the end of this turn.
    void later(Connection& connection);
    void retry_resumed();

    Loop& loop_;
    UniqueFd epoll_;
    std::array<epoll_event, kEvents> events_;
    int pending_ = 0;  ///< events of this turn not dispatched yet
    int next_ = 0;
    std::vector<Connection*> resumed_;  ///< to be read although no edge comes
    std::span<Connection*> resuming_;   ///< those of this turn still to come
};

}  // namespace sluice::event
