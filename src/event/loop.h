// Loop: one per worker, made after the fork. A turn waits for completions, delivers them, fires timers, runs deferred
// tasks and buries the dead.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/list.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/log/log.h"
#include "event/timer_heap.h"

namespace sluice::event {

class Backend;
class BufferPool;

enum class BackendKind : uint8_t { best, io_uring, epoll };

struct LoopOptions {
    BackendKind backend = BackendKind::best;  ///< `best`: io_uring where it works, else epoll (a notice)
    uint32_t connections = 512;               ///< sizes rings; not a limit here
    Log log;
};

/// Something to be run after the dispatch round. Embedded in its owner; its destructor takes it out.
class Task : public ListNode<Task> {
 public:
    using Callback = void (*)(void* owner);
    Task(Callback callback, void* owner) : callback_(callback), owner_(owner) {}
    /// Task task_{Task::call<&Owner::method>, this};
    template <auto Method>
    static void call(void* owner) {
        Dispatch<Method>::run(owner);
    }
    void run() { callback_(owner_); }

 private:
    template <auto Method>
    struct Dispatch;
    template <class Owner, void (Owner::*Method)()>
    struct Dispatch<Method> {
        static void run(void* owner) { (static_cast<Owner*>(owner)->*Method)(); }
    };
    Callback callback_;
    void* owner_;
};

/// An object that ends while its own methods may be on the stack, or the kernel still points into it.
class Mortal : public ListNode<Mortal> {
 public:
    virtual ~Mortal() = default;
    /// False while something in flight points into the object; asked again after every turn.
    virtual bool can_be_buried() const = 0;
};

/// A descriptor that is not a connection: an eventfd, a pipe, a signalfd. Level-triggered, reading only.
class Watch {
 public:
    Watch(int fd, Task::Callback callback, void* owner) : fd_(fd), callback_(callback), owner_(owner) {}
    Watch(const Watch&) = delete;
    ~Watch();
    /// An error when the kernel will not watch.
    Result<void> start(Loop& loop);
    void stop();
    int fd() const { return fd_; }
    void fire() { callback_(owner_); }

 private:
    friend class EpollBackend;
    friend class UringBackend;
    int fd_;
    Task::Callback callback_;
    void* owner_;
    Loop* loop_ = nullptr;
    void* operation_ = nullptr;  ///< io_uring: the poll in flight; outlives the Watch until it completes
};

class Loop {
 public:
    /// An error when the backend asked for does not work here, or no backend does.
    static Result<std::unique_ptr<Loop>> create(const LoopOptions& options);
    ~Loop();

    /// Monotonic time of this turn.
    Msec now() const { return now_; }
    /// Unix time of this turn in milliseconds.
    int64_t wall_msec() const { return wall_msec_; }
    /// Counts receptions of bytes from the wire, of one connection or of many at once. As long as it stays the same,
    /// whatever is worked on was sent before: what was looked up meanwhile is as good as new.
    uint64_t arrivals() const { return arrivals_; }
    void count_arrival() { ++arrivals_; }
    BackendKind backend_kind() const { return kind_; }
    const Log& log() const { return log_; }

    /// One turn; waits at most `longest` (negative: until something happens).
    void turn(Msec longest);
    /// Turns until stop().
    void run();
    void stop() { is_stopped_ = true; }

    void defer(Task& task) { tasks_.push_back(task); }
    /// Destroys `mortal` after this round, as soon as it can be buried.
    void bury(Mortal* mortal) { graveyard_.push_back(*mortal); }

    TimerHeap& timers() { return timers_; }
    BufferPool& buffers() { return *buffers_; }
    Backend& backend() { return *backend_; }

 private:
    explicit Loop(const LoopOptions& options);
    void update_time();
    void run_tasks();
    void bury_dead();

    Log log_;
    BackendKind kind_ = BackendKind::epoll;
    Msec now_;
    int64_t wall_msec_ = 0;
    uint64_t arrivals_ = 0;
    bool is_stopped_ = false;
    TimerHeap timers_;
    List<Task, Task> tasks_;
    List<Mortal, Mortal> graveyard_;
    std::unique_ptr<BufferPool> buffers_;
    std::unique_ptr<Backend> backend_;
};

/// Whether a backend works on this machine (for `-V` and `use`); empty text: it does, else why not.
std::string why_not(BackendKind kind);

}  // namespace sluice::event
