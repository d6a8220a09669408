// ThreadPool: a queue under a mutex. A thread that finishes the first of several jobs writes to the eventfd; the loop
// then collects all that have finished.
#include "event/thread_pool.h"

#include <cerrno>
#include <csignal>
#include <optional>

#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice::event {

namespace {

class Lock {
 public:
    explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { ::pthread_mutex_lock(&mutex_); }
    Lock(const Lock&) = delete;
    ~Lock() { ::pthread_mutex_unlock(&mutex_); }

 private:
    pthread_mutex_t& mutex_;
};

/// What stands behind `key` in the word; nothing when the word is another one.
std::optional<Text> value_of(Text word, Text key) {
    if (!word.starts_with(key)) return std::nullopt;
    return word.substr(key.size());
}

Error invalid(Text what, Text word) {
    return Error("invalid " + std::string(what) + " value \"" + std::string(word) + '"');
}

std::optional<uint32_t> parse_number(Text digits) {
    const std::optional<uint64_t> number = text::parse_uint(digits);
    if (!number || *number > INT32_MAX) return std::nullopt;
    return static_cast<uint32_t>(*number);
}

}  // namespace

// As nginx: a word that is neither parameter is passed over, and of one given twice the last holds.
Result<ThreadPoolOptions> parse_thread_pool(std::span<const Text> words) {
    ThreadPoolOptions options;
    options.name = words[0];
    options.threads = 0;
    for (const Text word : words.subspan(1)) {
        if (const auto threads = value_of(word, "threads=")) {
            options.threads = parse_number(*threads).value_or(0);
            if (options.threads == 0) return invalid("threads", word);
        } else if (const auto max_queue = value_of(word, "max_queue=")) {
            const std::optional<uint32_t> number = parse_number(*max_queue);
            if (!number) return invalid("max_queue", word);
            options.max_queue = *number;
        }
    }
    if (options.threads == 0) return Error("\"thread_pool\" must have \"threads\" parameter");
    return options;
}

void ThreadJob::cancel() {
    if (pool_ != nullptr) pool_->take_back(*this);
}

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(Loop& loop, const ThreadPoolOptions& options) {
    UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) return Error("eventfd() failed", errno);
    std::unique_ptr<ThreadPool> pool(new ThreadPool(loop, options, std::move(wake)));
    if (Result<void> started = pool->watch_.start(loop); !started) return started.error();
    return pool;
}

ThreadPool::ThreadPool(Loop& loop, const ThreadPoolOptions& options, UniqueFd wake)
    : options_(options),
      log_(loop.log()),
      wake_(std::move(wake)),
      watch_(wake_.get(), Task::call<&ThreadPool::on_finished>, this) {}

ThreadPool::~ThreadPool() {
    watch_.stop();
    {
        const Lock lock(mutex_);
        is_stopping_ = true;
        while (ThreadJob* job = waiting_.pop_front()) {
            job->stage_ = Stage::idle;
            job->pool_ = nullptr;
        }
        ::pthread_cond_broadcast(&work_came_);
    }
    for (const pthread_t thread : threads_) ::pthread_join(thread, nullptr);
    while (ThreadJob* job = finished_.pop_front()) {
        job->stage_ = Stage::idle;
        job->pool_ = nullptr;
    }
    ::pthread_cond_destroy(&work_ended_);
    ::pthread_cond_destroy(&work_came_);
    ::pthread_mutex_destroy(&mutex_);
}

bool ThreadPool::post(ThreadJob& job) {
    {
        const Lock lock(mutex_);
        if (waiting_count_ >= options_.max_queue) {
            log_.error(0, "thread pool \"", Text(options_.name), "\" queue overflow: ", waiting_count_,
                       " tasks waiting");
            return false;
        }
        job.pool_ = this;
        job.stage_ = Stage::waiting;
        waiting_.push_back(job);
        ++waiting_count_;
        ::pthread_cond_signal(&work_came_);
        if (waiting_count_ <= idle_threads_) return true;
    }
    if (may_start_threads_ && threads_.size() < options_.threads) may_start_threads_ = start_thread();
    if (threads_.empty()) {
        may_start_threads_ = true;
        work_here();
    }
    return true;
}

/// Late is better than never: what waits is done by the loop's thread.
void ThreadPool::work_here() {
    ThreadJob* job = nullptr;
    {
        const Lock lock(mutex_);
        job = &take_first();
    }
    work_on(*job, 0);
}

// Signals are for the loop's thread alone: every other one starts with all of them blocked.
bool ThreadPool::start_thread() {
    sigset_t all;
    sigset_t before;
    {
        const Lock lock(mutex_);
        ++idle_threads_;
    }
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread{};
    const int error = ::pthread_create(&thread, nullptr, run_thread, this);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) {
        const Lock lock(mutex_);
        --idle_threads_;
        log_.alert(error, "pthread_create() failed");
        return false;
    }
    threads_.push_back(thread);
    return true;
}

void* ThreadPool::run_thread(void* pool) {
    static_cast<ThreadPool*>(pool)->work();
    return nullptr;
}

void ThreadPool::work() {
    for (;;) {
        ThreadJob* job = nullptr;
        {
            const Lock lock(mutex_);
            while (waiting_.empty() && !is_stopping_) ::pthread_cond_wait(&work_came_, &mutex_);
            if (is_stopping_) return;
            --idle_threads_;
            job = &take_first();
        }
        work_on(*job, 1);
    }
}

ThreadJob& ThreadPool::take_first() {
    ThreadJob& job = *waiting_.pop_front();
    --waiting_count_;
    job.stage_ = Stage::working;
    return job;
}

void ThreadPool::work_on(ThreadJob& job, uint32_t threads) {
    job.work_(job.owner_);
    bool is_first = false;
    {
        const Lock lock(mutex_);
        idle_threads_ += threads;
        is_first = finished_.empty();
        job.stage_ = Stage::finished;
        finished_.push_back(job);
        if (is_awaited_) ::pthread_cond_signal(&work_ended_);
    }
    if (is_first) ::eventfd_write(wake_.get(), 1);
}

void ThreadPool::take_back(ThreadJob& job) {
    const Lock lock(mutex_);
    is_awaited_ = true;
    while (job.stage_ == Stage::working) ::pthread_cond_wait(&work_ended_, &mutex_);
    is_awaited_ = false;
    if (job.stage_ == Stage::waiting) --waiting_count_;
    job.unlink();
    job.stage_ = Stage::idle;
    job.pool_ = nullptr;
}

// A `done` may post again, cancel other jobs of this round, or destroy their owners and its own.
void ThreadPool::on_finished() {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    List<ThreadJob, ThreadJob> round;
    {
        const Lock lock(mutex_);
        while (ThreadJob* job = finished_.pop_front()) round.push_back(*job);
    }
    while (ThreadJob* job = round.pop_front()) {
        job->stage_ = Stage::idle;
        job->pool_ = nullptr;
        job->done_(job->owner_);
    }
}

}  // namespace sluice::event
