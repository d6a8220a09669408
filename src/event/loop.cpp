// Loop: choice of the backend, and the order of things within a turn.
#include "event/loop.h"

#include <ctime>

#include "event/backend.h"
#include "event/buffer_pool.h"
#include "event/epoll_backend.h"

namespace sluice::event {

Loop::Loop(const LoopOptions& options) : log_(options.log), buffers_(std::make_unique<BufferPool>()) {
    update_time();
}

Loop::~Loop() {
    while (Mortal* mortal = graveyard_.pop_front()) delete mortal;
    backend_.reset();
}

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options) {
    std::unique_ptr<Loop> loop(new Loop(options));
    Result<std::unique_ptr<Backend>> epoll = EpollBackend::create(*loop);
    if (!epoll) return epoll.error();
    loop->backend_ = std::move(*epoll);
    loop->kind_ = BackendKind::epoll;
    return loop;
}

void Loop::update_time() {
    timespec time;
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    now_ = {time.tv_sec * 1000 + time.tv_nsec / 1'000'000};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
    wall_msec_ = time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

void Loop::turn(Msec longest) {
    Msec wait = longest;
    if (!tasks_.empty() || !graveyard_.empty()) {
        wait = {0};
    } else {
        const Msec timer = timers_.until_next(now_);
        if (timer.count >= 0 && (wait.count < 0 || timer < wait)) wait = timer;
    }
    backend_->wait(wait);
    timers_.fire(now_);
    run_tasks();
    bury_dead();
}

void Loop::run() {
    while (!is_stopped_) turn({-1});
}

// A task may put itself or others in again: those run in the next turn.
void Loop::run_tasks() {
    List<Task, Task> due;
    while (Task* task = tasks_.pop_front()) due.push_back(*task);
    while (Task* task = due.pop_front()) task->run();
}

void Loop::bury_dead() {
    List<Mortal, Mortal> alive;
    while (Mortal* mortal = graveyard_.pop_front()) {
        if (mortal->can_be_buried()) {
            delete mortal;
        } else {
            alive.push_back(*mortal);
        }
    }
    while (Mortal* mortal = alive.pop_front()) graveyard_.push_back(*mortal);
}

Watch::~Watch() {
    stop();
}

void Watch::start(Loop& loop) {
    loop_ = &loop;
    loop.backend().start(*this);
}

void Watch::stop() {
    if (loop_ == nullptr) return;
    loop_->backend().stop(*this);
    loop_ = nullptr;
}

}  // namespace sluice::event
