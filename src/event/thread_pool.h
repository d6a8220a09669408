// ThreadPool: calls that may block (reading a cold file) run in threads, and their ends come back to the loop.
//   thread_pool NAME threads=32 max_queue=65536;      aio threads=NAME;
//
//   loop's thread                       a thread of the pool
//   post(job) ── queue ──────────────►  work(owner)
//   done(owner) ◄── eventfd, Watch ───  finished
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <pthread.h>

#include "core/base/list.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"
#include "event/loop.h"

namespace sluice::event {

class ThreadPool;

/// One call for the pool. Embedded in its owner; used by the loop's thread only, but for `work`.
class ThreadJob : public ListNode<ThreadJob> {
 public:
    using Function = void (*)(void* owner);

    /// `work` runs in a thread of the pool and may touch nothing that the loop's thread uses meanwhile; `done` runs
    /// on the loop after it, and may post the job again.
    ThreadJob(Function work, Function done, void* owner) : work_(work), done_(done), owner_(owner) {}
    ThreadJob(const ThreadJob&) = delete;
    /// As cancel(). A job that is being worked on makes this wait, and the loop with it: an owner that ends early
    /// should be buried, and say by is_posted() when that can be.
    ~ThreadJob() { cancel(); }

    /// ThreadJob job_{ThreadJob::call<&Owner::read>, ThreadJob::call<&Owner::on_read>, this};
    template <auto Method>
    static void call(void* owner) {
        Dispatch<Method>::run(owner);
    }

    /// Between post() and `done`: the owner, and what `work` uses, must stay.
    bool is_posted() const { return pool_ != nullptr; }
    /// Takes the job back: `done` will not be called. Returns after `work` if that has begun.
    void cancel();

 private:
    friend class ThreadPool;
    template <auto Method>
    struct Dispatch;
    template <class Owner, void (Owner::*Method)()>
    struct Dispatch<Method> {
        static void run(void* owner) { (static_cast<Owner*>(owner)->*Method)(); }
    };

    enum class Stage : uint8_t { idle, waiting, working, finished };

    Function work_;
    Function done_;
    void* owner_;
    ThreadPool* pool_ = nullptr;  ///< while posted
    Stage stage_ = Stage::idle;   ///< guarded by the pool's mutex
};

/// The parameters of `thread_pool`.
struct ThreadPoolOptions {
    std::string name = "default";
    uint32_t threads = 32;
    uint32_t max_queue = 65536;  ///< jobs that may wait
};

/// The words behind the directive, the pool's name first. Errors in nginx's words: `invalid threads value
/// "threads=x"`.
Result<ThreadPoolOptions> parse_thread_pool(std::span<const Text> words);

/// One per worker and name, made after the fork and before the loop's end.
class ThreadPool {
 public:
    /// Threads are started as they are needed, and stay. An error when there can be no eventfd.
    static Result<std::unique_ptr<ThreadPool>> create(Loop& loop, const ThreadPoolOptions& options);
    ThreadPool(const ThreadPool&) = delete;
    /// Not from within a `done`. Jobs that wait are dropped and those that are being worked on waited for, all
    /// without their `done`.
    ~ThreadPool();

    /// Runs the job's work in a thread and then its `done` on the loop. Where the system refuses the first thread,
    /// which the log tells, the work is done before this returns, and the loop waits for it. False, with a line in
    /// the log, when too many wait already; the job is not posted then. Only for a job that is not posted.
    bool post(ThreadJob& job);

    const std::string& name() const { return options_.name; }
    /// Threads that were started so far.
    size_t threads() const { return threads_.size(); }

 private:
    friend class ThreadJob;
    using Stage = ThreadJob::Stage;

    ThreadPool(Loop& loop, const ThreadPoolOptions& options, UniqueFd wake);
    static void* run_thread(void* pool);
    void work();
    void work_here();
    ThreadJob& take_first();
    /// `threads`: how many are idle after it.
    void work_on(ThreadJob& job, uint32_t threads);
    bool start_thread();
    void take_back(ThreadJob& job);
    void on_finished();

    const ThreadPoolOptions options_;
    const Log log_;
    const UniqueFd wake_;
    // The loop's thread only.
    Watch watch_;
    std::vector<pthread_t> threads_;
    bool may_start_threads_ = true;  ///< until the system refuses one

    // The mutex guards what follows, and the jobs' stages and places in the lists; take_first() is called under it.
    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t work_came_ = PTHREAD_COND_INITIALIZER;
    pthread_cond_t work_ended_ = PTHREAD_COND_INITIALIZER;
    List<ThreadJob, ThreadJob> waiting_;
    List<ThreadJob, ThreadJob> finished_;
    uint32_t waiting_count_ = 0;
    uint32_t idle_threads_ = 0;  ///< those that were just started included
    bool is_awaited_ = false;    ///< cancel() waits for a job to end
    bool is_stopping_ = false;
};

}  // namespace sluice::event
