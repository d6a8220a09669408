// Worker: HTTP's part of a worker process: its listeners and client connections, their limit, and the counters of
// stub_status. Service: what the `http` block offers the composition root.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "event/listener.h"
#include "event/loop.h"
#include "event/service.h"
#include "event/timer.h"
#include "http/server_connection.h"

namespace sluice::http {

class Request;

/// Counters over all workers, in memory that they share; made by the master before it forks. What a worker that died
/// had counted as going on stays counted.
struct SharedCounters {
    std::atomic<uint64_t> accepted{0};
    std::atomic<uint64_t> handled{0};
    std::atomic<uint64_t> requests{0};
    std::atomic<uint64_t> active{0};
    std::atomic<uint64_t> reading{0};  ///< requests whose head is not complete
    std::atomic<uint64_t> writing{0};  ///< requests that are being answered
    std::atomic<uint64_t> connection_number{0};
};
SharedCounters& shared_counters();

/// The sockets of an `http` block; registered with the configuration that has one.
class Service final : public event::Service {
 public:
    /// `http` is complete by the time that bindings() is asked.
    explicit Service(const HttpConf& http) : http_(http) {}

    /// Lists the endpoints of the configuration; once, when they are known.
    void settle();

    std::span<const event::Binding> bindings() const override { return bindings_; }
    Result<std::unique_ptr<event::ServiceWorker>> start(event::Loop& loop,
                                                        const event::WorkerSettings& settings) override;

 private:
    const HttpConf& http_;
    std::vector<event::Binding> bindings_;
};

class Worker final : public event::ServiceWorker, public event::AcceptHandler {
 public:
    /// `settings` and all else outlive it.
    Worker(event::Loop& loop, const HttpConf& http, const event::WorkerSettings& settings);
    ~Worker() override;

    /// Calls the modules' worker hooks.
    Result<void> start();

    // event::ServiceWorker
    void listen(const event::Binding& binding, int fd) override;
    void set_turn(bool is_ours) override;
    bool may_accept() const override { return has_room() || has_idle() || has_silent(); }
    void shut_down(Msec grace) override;
    bool is_listening() const override;
    bool has_connections() const override;
    void give_up() override;
    void abort() override;

    bool is_shutting_down() const { return is_shutting_down_; }
    /// While shutting down: how long a connection stays that is or becomes idle; 0: not at all.
    Msec grace() const { return grace_; }
    event::Loop& loop() const { return loop_; }
    const HttpConf& http() const { return http_; }
    /// The pool that `aio threads=NAME` of a request names; null, with a line in the log, when there is none.
    event::ThreadPool* find_thread_pool(const Request& request, Text name);
    uint64_t next_connection_number();
    /// `debug_connection` names this client.
    bool is_debugged(const event::SocketAddress& client) const;

    // For connections.
    void add(ServerConnection& connection);
    void remove(ServerConnection& connection);
    void add_idle(ServerConnection& connection) {
        idle_.push_back(connection);
        on_idle();
    }
    /// One whose first request has not begun; it makes room, too, unless it came just now.
    void add_silent(ServerConnection& connection) {
        silent_.push_back(connection);
        if (!has_room()) await_silence();
    }
    /// A connection can make room from now on, of a client or to an upstream.
    void on_idle() {
        if (!has_room()) resume_accepting();
    }
    /// After an idle or silent connection has left the list of these.
    void on_busy() {
        if (!may_accept()) hold_back();
    }
    /// A connection to an upstream, which counts for worker_connections, too: false when there is no room for it.
    bool add_upstream();
    void remove_upstream();

    // event::AcceptHandler
    void on_accepted(event::Accepted&& accepted, void* endpoint) override;
    bool make_room() override;
    size_t room() const override { return count_ < settings_.connections ? settings_.connections - count_ : 0; }
    bool has_room() const { return room() != 0; }

 private:
    void add_to_count();
    void on_room();
    /// All connections are busy: others accept, or clients wait.
    void hold_back();
    /// Whether a connection of a client, or to an upstream, waits for a request.
    bool has_idle() const;
    /// Whether one has been silent for so long that it may be closed.
    bool has_silent() const;
    /// New connections wait: those that are too young to make room are looked at again.
    void await_silence();
    void look_at_silent();
    /// At most once a second; `reported_at`: when it was said last.
    void report_no_room(int64_t& reported_at, Text what);
    /// There is room again, or an idle connection that can make some.
    void resume_accepting();
    template <class Visit>
    void for_each_connection(Visit&& visit);

    event::Loop& loop_;
    const HttpConf& http_;
    const event::WorkerSettings settings_;
    std::vector<std::unique_ptr<event::Listener>> listeners_;
    std::vector<event::Listener*> sharing_;  ///< of these, those that take turns with other workers
    List<ServerConnection, OpenTag> open_;
    List<ServerConnection, IdleTag> idle_;
    List<ServerConnection, IdleTag> silent_;
    event::Timer silence_timer_;
    uint32_t count_ = 0;
    bool is_shutting_down_ = false;
    Msec grace_;
    int64_t reported_reuse_at_ = 0;  ///< wall seconds of the last lines about too few connections
    int64_t reported_wait_at_ = 0;
};

}  // namespace sluice::http
