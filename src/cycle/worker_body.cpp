// The life of a worker.
#include "cycle/worker_body.h"

#include <algorithm>

#include "core/proc/child.h"

namespace sluice::cycle {

namespace {

/// After a reload, idle connections stay so long for a request that is on its way.
constexpr Msec kGrace{1000};
constexpr unsigned kLastTurns = 100;
constexpr Msec kLastTurn{10};

}  // namespace

int Cycle::run_worker(proc::Worker& worker) {
    return WorkerBody(worker, *this).run();
}

WorkerBody::WorkerBody(proc::Worker& process, Cycle& cycle)
    : process_(process),
      cycle_(cycle),
      wake_(process.wake_fd(), event::Task::call<&WorkerBody::on_request>, this),
      timeout_(event::Timer::call<&WorkerBody::on_timeout>, this) {}

int WorkerBody::run() {
    if (const Result<void> started = start(); !started) {
        cycle_.log().emerg(started.error().number, started.error().text);
        return proc::exit_code_after(started.error().number);
    }
    process_.say_ready();
    while (!is_terminated_ && !(is_shutting_down_ && !has_connections())) {
        loop_->turn(take_turn());
        give_turn();
        if (is_shutting_down_ && !is_listening()) process_.close_sockets();
    }
    for (const auto& service : services_) service->abort();
    // What was aborted goes when the kernel has let go of it; its service must still be there then.
    for (unsigned left = kLastTurns; left > 0 && has_connections(); --left) loop_->turn(kLastTurn);
    services_.clear();
    return 0;
}

Result<void> WorkerBody::start() {
    const EventsConf& events = cycle_.events();
    Result<std::unique_ptr<event::Loop>> loop =
        event::Loop::create({.backend = *events.use, .connections = *events.worker_connections, .log = cycle_.log()});
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    if (Result<void> started = wake_.start(*loop_); !started) return started;
    if (Result<void> started = start_pools(); !started) return started;

    const event::WorkerSettings settings{
        .connections = *events.worker_connections,
        .accept = {.multi_accept = *events.multi_accept,
                   .is_exclusive = cycle_.settings().worker_processes > 1,
                   .takes_turns = cycle_.accept_turns() != nullptr,
                   .retry_delay = *events.accept_mutex_delay},
        .debug_connections = events.debug_connections,
        .thread_pools = *this,
    };
    event::Service* last = nullptr;
    for (const Bound& bound : cycle_.bound()) {
        if (bound.service != last)
            if (Result<void> started = start_service(*bound.service, settings); !started) return started;
        last = bound.service;
        for (size_t i = 0; i < bound.fds.size(); ++i)
            if (listens_on(bound, i)) services_.back()->listen(*bound.binding, bound.fds[i]);
    }
    return {};
}

/// Before a turn of the loop: whether this worker accepts in it. Returns how long the loop may wait: who has not got
/// the turn asks again. A worker that is full leaves it to the others.
Msec WorkerBody::take_turn() {
    event::AcceptTurns* turns = cycle_.accept_turns();
    if (turns == nullptr || is_shutting_down_) return Msec{-1};
    const bool may_accept =
        std::all_of(services_.begin(), services_.end(), [](const auto& service) { return service->may_accept(); });
    const bool is_ours = may_accept && turns->take();
    for (const auto& service : services_) service->set_turn(is_ours);
    return is_ours ? Msec{-1} : *cycle_.events().accept_mutex_delay;
}

void WorkerBody::give_turn() {
    if (event::AcceptTurns* turns = cycle_.accept_turns()) turns->give();
}

/// With `reuseport` each worker has a socket of its own. What was left by more workers is for all, as is all else.
bool WorkerBody::listens_on(const Bound& bound, size_t socket) const {
    return socket == process_.index() || socket >= bound.count;
}

Result<void> WorkerBody::start_service(event::Service& service, const event::WorkerSettings& settings) {
    Result<std::unique_ptr<event::ServiceWorker>> started = service.start(*loop_, settings);
    if (!started) return started.error();
    services_.push_back(std::move(*started));
    return {};
}

/// Now, so that a pool that can't be made is not first noticed by a request. Threads start as they are needed.
Result<void> WorkerBody::start_pools() {
    for (const event::ThreadPoolOptions& options : cycle_.core().thread_pools) {
        Result<std::unique_ptr<event::ThreadPool>> made = event::ThreadPool::create(*loop_, options);
        if (!made) return made.error();
        pools_.push_back(std::move(*made));
    }
    return {};
}

event::ThreadPool* WorkerBody::find(Text name) {
    for (const auto& pool : pools_) {
        if (pool->name() == name) return pool.get();
    }
    return nullptr;
}

void WorkerBody::on_request() {
    const proc::Requests requests = process_.take_requests();
    if (requests.terminate) is_terminated_ = true;
    if (requests.quit) shut_down(requests.is_relieved ? kGrace : Msec{0});
}

void WorkerBody::shut_down(Msec grace) {
    if (is_shutting_down_) return;
    is_shutting_down_ = true;
    process_.say_shutting_down();
    for (const auto& service : services_) service->shut_down(grace);
    const Msec timeout = cycle_.settings().shutdown_timeout;
    if (timeout.count > 0) timeout_.arm(*loop_, timeout);
}

void WorkerBody::on_timeout() {
    for (const auto& service : services_) service->give_up();
    is_terminated_ = true;
}

bool WorkerBody::is_listening() const {
    for (const auto& service : services_) {
        if (service->is_listening()) return true;
    }
    return false;
}

bool WorkerBody::has_connections() const {
    for (const auto& service : services_) {
        if (service->has_connections()) return true;
    }
    return false;
}

}  // namespace sluice::cycle
