// Loop: one turn after the other.
#include "event/loop.h"

#include <cstring>
#include <ctime>

#include "core/log/clock.h"
#include "event/backend.h"
#include "event/buffer_pool.h"
#include "event/epoll_backend.h"
#include "event/uring_backend.h"

namespace sluice::event {

namespace {

int64_t read_clock(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

template <class Made>
Result<std::unique_ptr<Backend>> as_backend(Result<std::unique_ptr<Made>> made) {
    if (!made) return made.error();
    return std::unique_ptr<Backend>(std::move(*made));
}

}  // namespace

Loop::Loop(const LoopOptions& options)
    : log_(options.log), buffers_(std::make_unique<BufferPool>(options.connections)) {
    update_time();
}

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options) {
    std::unique_ptr<Loop> loop(new Loop(options));
    BufferPool& buffers = *loop->buffers_;
    if (options.backend != BackendKind::epoll) {
        auto uring = as_backend(UringBackend::create(buffers, options.connections));
        if (uring) {
            loop->kind_ = BackendKind::io_uring;
            loop->backend_ = std::move(*uring);
            return loop;
        }
        const Error& why = uring.error();
        if (options.backend == BackendKind::io_uring) return why;
        options.log.write(LogLevel::notice, why.number,
                          "io_uring does not work here, the \"epoll\" event method is used: ", why.text);
    }
    auto epoll = as_backend(EpollBackend::create(buffers));
    if (!epoll) return epoll.error();
    loop->kind_ = BackendKind::epoll;
    loop->backend_ = std::move(*epoll);
    return loop;
}

/// What is still in flight gets a moment to end; nothing is destroyed that the kernel may write to. It ends some
/// twenty operations a turn, so turns are not what is counted.
Loop::~Loop() {
    constexpr Msec kMoment{2000};
    const Msec deadline = now_ + kMoment;
    while (backend_ != nullptr && !graveyard_.empty() && now_ < deadline) turn({50});
}

void Loop::update_time() {
    now_ = {read_clock(CLOCK_MONOTONIC)};
    wall_msec_ = read_clock(CLOCK_REALTIME);
    log::Clock::update(wall_msec_);
}

void Loop::turn(Msec longest) {
    const Msec next_timer = timers_.until_next(now_);
    if (longest.count < 0 || (next_timer.count >= 0 && next_timer < longest)) longest = next_timer;
    if (!tasks_.empty()) longest = {0};
    backend_->wait(longest);
    update_time();
    backend_->deliver(now_);
    timers_.fire(now_);
    run_tasks();
    bury_dead();
}

void Loop::run() {
    is_stopped_ = false;
    while (!is_stopped_) turn({-1});
}

/// A task that defers again has its turn in the next one.
void Loop::run_tasks() {
    List<Task, Task> now;
    while (Task* task = tasks_.pop_front()) now.push_back(*task);
    while (Task* task = now.pop_front()) task->run();
}

/// A destructor may bury others: they are looked at in the same round.
void Loop::bury_dead() {
    List<Mortal, Mortal> not_yet;
    while (Mortal* mortal = graveyard_.pop_front()) {
        if (mortal->can_be_buried()) {
            delete mortal;
        } else {
            not_yet.push_back(*mortal);
        }
    }
    while (Mortal* mortal = not_yet.pop_front()) graveyard_.push_back(*mortal);
}

std::string why_not(BackendKind kind) {
    const auto loop = Loop::create({.backend = kind, .connections = 1, .log = {}});
    if (loop) return {};
    const Error& error = loop.error();
    return error.number == 0 ? error.text : error.text + ": " + std::strerror(error.number);
}

Watch::~Watch() {
    stop();
}

Result<void> Watch::start(Loop& loop) {
    if (loop_ != nullptr) return {};
    Result<void> started = loop.backend().start(*this);
    if (started) loop_ = &loop;
    return started;
}

void Watch::stop() {
    if (loop_ == nullptr) return;
    loop_->backend().stop(*this);
    loop_ = nullptr;
}

}  // namespace sluice::event
