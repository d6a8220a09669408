// WorkerBody: what runs in a worker process: the loop, each service's part, and the way out.
#pragma once

#include <memory>
#include <vector>

#include "core/proc/worker.h"
#include "cycle/cycle.h"
#include "event/loop.h"
#include "event/service.h"
#include "event/thread_pool.h"
#include "event/timer.h"

namespace sluice::cycle {

class WorkerBody final : event::ThreadPools {
 public:
    WorkerBody(proc::Worker& process, Cycle& cycle);
    WorkerBody(const WorkerBody&) = delete;

    /// Makes everything, says that it is ready, runs until told to leave. Returns the exit code.
    int run();

 private:
    Result<void> start();
    Result<void> start_pools();
    Result<void> start_service(event::Service& service, const event::WorkerSettings& settings);
    bool listens_on(const Bound& bound, size_t socket) const;
    Msec take_turn();
    void give_turn();
    void on_request();
    void on_timeout();
    void shut_down(Msec grace);
    bool is_listening() const;
    bool has_connections() const;
    event::ThreadPool* find(Text name) override;

    proc::Worker& process_;
    Cycle& cycle_;
    std::unique_ptr<event::Loop> loop_;
    std::vector<std::unique_ptr<event::ThreadPool>> pools_;
    std::vector<std::unique_ptr<event::ServiceWorker>> services_;
    event::Watch wake_;
    event::Timer timeout_;  ///< worker_shutdown_timeout
    bool is_shutting_down_ = false;
    bool is_terminated_ = false;
};

}  // namespace sluice::cycle
