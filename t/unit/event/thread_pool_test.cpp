// ThreadPool: work runs elsewhere, its end comes to the loop, and whoever leaves early takes his job with him.
#include "event/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <semaphore.h>
#include <unistd.h>

#include "event/loop.h"

namespace sluice::event {
namespace {

/// TEST_P over the backends; a backend that this machine refuses skips the test.
class OnLoop : public testing::TestWithParam<BackendKind> {
 protected:
    void SetUp() override {
        Result<std::unique_ptr<Loop>> made = Loop::create({.backend = GetParam(), .log = {}});
        if (!made || (*made)->backend_kind() != GetParam()) GTEST_SKIP() << "not available here";
        loop_ = std::move(*made);
    }

    /// Turns the loop until `condition` holds; false after five seconds.
    template <class Condition>
    bool run_until(Condition condition, Msec longest = {5000}) {
        loop_->turn({0});
        const Msec end = loop_->now() + longest;
        while (!condition()) {
            if (loop_->now() > end) return false;
            loop_->turn({20});
        }
        return true;
    }

    std::unique_ptr<Loop> loop_;
};

std::string name_of(const testing::TestParamInfo<BackendKind>& info) {
    return info.param == BackendKind::io_uring ? "io_uring" : "epoll";
}

/// A door that work waits at until the test opens it, or five seconds: a test that fails must not hang.
class Gate {
 public:
    Gate() { ::sem_init(&semaphore_, 0, 0); }
    Gate(const Gate&) = delete;
    ~Gate() { ::sem_destroy(&semaphore_); }
    void open(int count = 1) {
        for (int i = 0; i < count; ++i) ::sem_post(&semaphore_);
    }
    void pass() {
        timespec end{};
        ::clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 5;
        static_cast<void>(::sem_timedwait(&semaphore_, &end));
    }

 private:
    sem_t semaphore_;
};

struct Reader {
    ThreadJob job{ThreadJob::call<&Reader::read>, ThreadJob::call<&Reader::on_read>, this};
    Gate* gate = nullptr;
    std::atomic<int> begun = 0;
    std::atomic<int> read_count = 0;
    int done_count = 0;
    pthread_t thread{};
    sigset_t blocked{};
    void (*then)(Reader& reader) = nullptr;
    void* context = nullptr;

    void read() {
        ++begun;
        if (gate != nullptr) gate->pass();
        thread = ::pthread_self();
        ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        ++read_count;
    }
    void on_read() {
        ++done_count;
        if (then != nullptr) then(*this);
    }
};

/// Waits for the work alone, without a turn of the loop.
void wait_for_work(const Reader& reader) {
    for (int i = 0; i < 50000 && reader.read_count == 0; ++i) ::usleep(100);
}

class KeepingRoute final : public LogRoute {
 public:
    KeepingRoute() {
        threshold_ = LogLevel::debug;
        stderr_threshold_ = LogLevel::debug;
    }
    void emit(LogLevel level, Text line) const override { lines.emplace_back(level, line); }
    mutable std::vector<std::pair<LogLevel, std::string>> lines;
};

class ThreadPoolTest : public OnLoop {
 protected:
    ThreadPool& start(const ThreadPoolOptions& options) {
        pool_ = std::move(*ThreadPool::create(*loop_, options));
        return *pool_;
    }
    std::unique_ptr<ThreadPool> pool_;
};

TEST_P(ThreadPoolTest, WorkRunsInAThreadAndDoneOnTheLoop) {
    ThreadPool& pool = start({.threads = 1});
    Reader reader;
    EXPECT_EQ(pool.threads(), 0U);
    ASSERT_TRUE(pool.post(reader.job));
    EXPECT_TRUE(reader.job.is_posted());
    ASSERT_TRUE(run_until([&] { return reader.done_count == 1; }));
    EXPECT_FALSE(reader.job.is_posted());
    EXPECT_EQ(reader.read_count, 1);
    EXPECT_FALSE(::pthread_equal(reader.thread, ::pthread_self()));
    EXPECT_TRUE(::sigismember(&reader.blocked, SIGTERM));
    sigset_t mine;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
    EXPECT_FALSE(::sigismember(&mine, SIGTERM));
}

TEST_P(ThreadPoolTest, ThreadsAreStartedAsNeededUpToTheirNumber) {
    ThreadPool& pool = start({.threads = 3});
    Gate gate;
    std::array<Reader, 5> readers;
    for (Reader& reader : readers) reader.gate = &gate;
    for (size_t i = 0; i < readers.size(); ++i) {
        ASSERT_TRUE(pool.post(readers[i].job));
        EXPECT_EQ(pool.threads(), std::min<size_t>(i + 1, 3));
    }
    EXPECT_EQ(pool.threads(), 3U);
    // All three work at the same time.
    ASSERT_TRUE(run_until([&] {
        int begun = 0;
        for (const Reader& reader : readers) begun += reader.begun;
        return begun == 3;
    }));
    gate.open(5);
    ASSERT_TRUE(run_until([&] {
        for (const Reader& reader : readers)
            if (reader.done_count != 1) return false;
        return true;
    }));
    EXPECT_EQ(pool.threads(), 3U);
}

TEST_P(ThreadPoolTest, AnIdleThreadIsUsedAgain) {
    ThreadPool& pool = start({.threads = 8});
    Reader reader;
    reader.context = &pool;
    reader.then = [](Reader& self) {
        if (self.done_count == 200) return;
        EXPECT_TRUE(static_cast<ThreadPool*>(self.context)->post(self.job));
    };
    ASSERT_TRUE(pool.post(reader.job));
    ASSERT_TRUE(run_until([&] { return reader.done_count == 200; }));
    EXPECT_EQ(reader.read_count, 200);
    EXPECT_EQ(pool.threads(), 1U);
}

TEST_P(ThreadPoolTest, AFullQueueRefusesAndSaysSo) {
    KeepingRoute route;
    loop_ = std::move(*Loop::create({.backend = GetParam(), .log = Log(&route)}));
    ThreadPool& pool = start({.name = "disk", .threads = 1, .max_queue = 2});
    Gate gate;
    std::array<Reader, 4> readers;
    readers[0].gate = &gate;
    ASSERT_TRUE(pool.post(readers[0].job));
    ASSERT_TRUE(run_until([&] { return readers[0].begun == 1; }));
    EXPECT_TRUE(pool.post(readers[1].job));
    EXPECT_TRUE(pool.post(readers[2].job));
    EXPECT_FALSE(pool.post(readers[3].job));
    EXPECT_FALSE(readers[3].job.is_posted());
    ASSERT_EQ(route.lines.size(), 1U);
    EXPECT_EQ(route.lines[0].first, LogLevel::error);
    EXPECT_TRUE(route.lines[0].second.ends_with("thread pool \"disk\" queue overflow: 2 tasks waiting"))
        << route.lines[0].second;
    gate.open();
    ASSERT_TRUE(run_until([&] { return readers[2].done_count == 1; }));
    EXPECT_TRUE(pool.post(readers[3].job));
    ASSERT_TRUE(run_until([&] { return readers[3].done_count == 1; }));
}

/// No new thread in this process while it lives: none finds room for its stack.
class NoThreads {
 public:
    NoThreads() {
        ::pthread_getattr_default_np(&before_);
        pthread_attr_t huge;
        ::pthread_getattr_default_np(&huge);
        ::pthread_attr_setstacksize(&huge, size_t{1} << 47U);
        ::pthread_setattr_default_np(&huge);
    }
    NoThreads(const NoThreads&) = delete;
    ~NoThreads() { ::pthread_setattr_default_np(&before_); }

 private:
    pthread_attr_t before_{};
};

TEST_P(ThreadPoolTest, WithoutThreadsTheLoopWorks) {
    KeepingRoute route;
    loop_ = std::move(*Loop::create({.backend = GetParam(), .log = Log(&route)}));
    ThreadPool& pool = start({.threads = 2});
    std::array<Reader, 3> readers;
    {
        const NoThreads none;
        for (Reader& reader : readers) {
            ASSERT_TRUE(pool.post(reader.job));
            EXPECT_TRUE(reader.job.is_posted());
            EXPECT_TRUE(::pthread_equal(reader.thread, ::pthread_self()));
        }
    }
    EXPECT_EQ(pool.threads(), 0U);
    EXPECT_EQ(route.lines.size(), readers.size());
    ASSERT_TRUE(run_until([&] { return readers.back().done_count == 1; }));
    Reader later;
    ASSERT_TRUE(pool.post(later.job)) << "it may be better by now";
    ASSERT_TRUE(run_until([&] { return later.done_count == 1; }));
    EXPECT_EQ(pool.threads(), 1U);
    for (const Reader& reader : readers) EXPECT_EQ(reader.done_count, 1);
}

TEST_P(ThreadPoolTest, ACancelledJobThatWaitsIsNeverWorkedOn) {
    ThreadPool& pool = start({.threads = 1, .max_queue = 1});
    Gate gate;
    std::array<Reader, 3> readers;
    readers[0].gate = &gate;
    ASSERT_TRUE(pool.post(readers[0].job));
    ASSERT_TRUE(run_until([&] { return readers[0].begun == 1; }));
    ASSERT_TRUE(pool.post(readers[1].job));
    readers[1].job.cancel();
    EXPECT_FALSE(readers[1].job.is_posted());
    ASSERT_TRUE(pool.post(readers[2].job));  // its place in the queue is free again
    gate.open();
    ASSERT_TRUE(run_until([&] { return readers[2].done_count == 1; }));
    EXPECT_EQ(readers[1].read_count, 0);
    EXPECT_EQ(readers[1].done_count, 0);
}

TEST_P(ThreadPoolTest, CancellingWaitsForWorkThatHasBegun) {
    ThreadPool& pool = start({.threads = 2});
    Gate gate;
    Reader opener;
    std::optional<Reader> reader(std::in_place);
    reader->gate = &gate;
    ASSERT_TRUE(pool.post(reader->job));
    ASSERT_TRUE(run_until([&] { return reader->begun == 1; }));
    gate.open();
    // Whatever the thread does at this moment, it has left the reader when the destructor returns (ASan, TSan).
    reader.reset();
    ASSERT_TRUE(pool.post(opener.job));
    ASSERT_TRUE(run_until([&] { return opener.done_count == 1; }));
}

TEST_P(ThreadPoolTest, AJobThatFinishedCanStillBeCancelled) {
    ThreadPool& pool = start({.threads = 1});
    Reader reader;
    ASSERT_TRUE(pool.post(reader.job));
    wait_for_work(reader);
    reader.job.cancel();
    Reader second;
    ASSERT_TRUE(pool.post(second.job));
    ASSERT_TRUE(run_until([&] { return second.done_count == 1; }));
    EXPECT_EQ(reader.done_count, 0);
}

TEST_P(ThreadPoolTest, DoneMayDestroyItselfAndOthersOfItsRound) {
    ThreadPool& pool = start({.threads = 1});
    std::array<std::optional<Reader>, 3> readers;
    for (auto& reader : readers) {
        reader.emplace();
        reader->context = &readers;
    }
    readers[0]->then = [](Reader& self) {
        auto& all = *static_cast<std::array<std::optional<Reader>, 3>*>(self.context);
        all[1].reset();
        all[0].reset();
    };
    for (auto& reader : readers) ASSERT_TRUE(pool.post(reader->job));
    wait_for_work(*readers[2]);
    ASSERT_TRUE(run_until([&] { return readers[2]->done_count == 1; }));
    EXPECT_FALSE(readers[0]);
    EXPECT_FALSE(readers[1]);
}

TEST_P(ThreadPoolTest, StoppingDropsWhatWaitsAndWaitsForWhatRuns) {
    ThreadPool& pool = start({.threads = 1});
    Gate gate;
    std::array<Reader, 3> readers;
    readers[0].gate = &gate;
    for (Reader& reader : readers) ASSERT_TRUE(pool.post(reader.job));
    ASSERT_TRUE(run_until([&] { return readers[0].begun == 1; }));
    gate.open();
    pool_.reset();
    EXPECT_EQ(readers[0].read_count, 1);
    for (const Reader& reader : readers) {
        EXPECT_FALSE(reader.job.is_posted());
        EXPECT_EQ(reader.done_count, 0);
    }
    loop_->turn({0});
}

TEST_P(ThreadPoolTest, ManyJobsEachFinishOnce) {
    ThreadPool& pool = start({.threads = 4});
    std::vector<Reader> readers(3000);
    for (Reader& reader : readers) ASSERT_TRUE(pool.post(reader.job));
    for (size_t i = 0; i < readers.size(); i += 3) readers[i].job.cancel();
    ASSERT_TRUE(run_until([&] {
        for (size_t i = 0; i < readers.size(); ++i)
            if (readers[i].done_count != (i % 3 == 0 ? 0 : 1)) return false;
        return true;
    }));
    for (size_t i = 0; i < readers.size(); ++i) EXPECT_LE(readers[i].read_count, 1);
}

INSTANTIATE_TEST_SUITE_P(Backends, ThreadPoolTest, testing::Values(BackendKind::epoll, BackendKind::io_uring),
                         name_of);

std::string parse(std::vector<Text> words) {
    const Result<ThreadPoolOptions> parsed = parse_thread_pool(words);
    if (!parsed) return parsed.error().text;
    return parsed->name + ' ' + std::to_string(parsed->threads) + ' ' + std::to_string(parsed->max_queue);
}

TEST(ThreadPoolDirective, TakesWhatNginxTakesAndSaysWhatItSays) {
    EXPECT_EQ(parse({"disk", "threads=16"}), "disk 16 65536");
    EXPECT_EQ(parse({"disk", "max_queue=0", "threads=1"}), "disk 1 0");
    EXPECT_EQ(parse({"disk", "threads=2", "bar"}), "disk 2 65536");
    EXPECT_EQ(parse({"disk", "threads=0"}), "invalid threads value \"threads=0\"");
    EXPECT_EQ(parse({"disk", "threads="}), "invalid threads value \"threads=\"");
    EXPECT_EQ(parse({"disk", "threads=-1"}), "invalid threads value \"threads=-1\"");
    EXPECT_EQ(parse({"disk", "threads=4294967297"}), "invalid threads value \"threads=4294967297\"");
    EXPECT_EQ(parse({"disk", "threads=1", "max_queue=x"}), "invalid max_queue value \"max_queue=x\"");
    EXPECT_EQ(parse({"disk", "max_queue=3"}), "\"thread_pool\" must have \"threads\" parameter");
}

}  // namespace
}  // namespace sluice::event
