// The loop on both backends: timers, tasks, watches, the burial.
#include <cerrno>
#include <cstddef>
#include <iterator>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/fixture.h"
#include "event/timer.h"

namespace sluice::event {
namespace {

class LoopTest : public EventTest {};
INSTANTIATE_TEST_SUITE_P(Backends, LoopTest, testing::ValuesIn(working_backends()), backend_name);

/// Writes its number to a common record when it fires.
struct Alarm {
    Alarm(std::vector<int>& common, int its_number) : record(common), number(its_number) {}
    void ring() { record.push_back(number); }
    std::vector<int>& record;
    int number;
    Timer timer{Timer::call<&Alarm::ring>, this};
};

TEST_P(LoopTest, TimersFireInOrderAndNotEarly) {
    std::vector<int> record;
    Alarm a(record, 1);
    Alarm b(record, 2);
    Alarm c(record, 3);
    Alarm never(record, 4);
    const int64_t begin = loop->now().count;  // what delays count from: the last turn's time, not the clock's
    c.timer.arm(*loop, {60});
    a.timer.arm(*loop, {5});
    b.timer.arm(*loop, {30});
    never.timer.arm(*loop, {10});
    never.timer.disarm();
    ASSERT_TRUE(until([&] { return record.size() == 3; }));
    EXPECT_EQ(record, (std::vector<int>{1, 2, 3}));
    EXPECT_GE(monotonic() - begin, 60);
    EXPECT_FALSE(c.timer.is_armed());
}

TEST_P(LoopTest, PushedOutTimersFireAtTheirLastDeadline) {
    std::vector<int> record;
    Alarm a(record, 1);
    const int64_t begin = loop->now().count;
    a.timer.arm(*loop, {10});
    a.timer.arm(*loop, {80});
    EXPECT_EQ(loop->timers().size(), 1U);
    ASSERT_TRUE(until([&] { return record.size() == 1; }));
    EXPECT_GE(monotonic() - begin, 80);
    a.timer.arm(*loop, {5000});
    a.timer.arm(*loop, {1});
    EXPECT_TRUE(until([&] { return record.size() == 2; }, {2000}));
}

TEST_P(LoopTest, ATurnWaitsForTheNextTimer) {
    std::vector<int> record;
    Alarm a(record, 1);
    a.timer.arm(*loop, {40});
    int turns = 0;
    for (; record.empty() && turns < 1000; ++turns) loop->turn({-1});
    EXPECT_EQ(record.size(), 1U);
    EXPECT_LE(turns, 3) << "it must sleep, not spin";
    const int64_t begin = monotonic();
    loop->turn({30});
    EXPECT_GE(monotonic() - begin, 28);
}

struct Repeater {
    explicit Repeater(Loop& its_loop) : loop(its_loop) {}
    void run() {
        if (++runs < 3) loop.defer(task);
    }
    Loop& loop;
    int runs = 0;
    Task task{Task::call<&Repeater::run>, this};
};

TEST_P(LoopTest, TasksRunOnceATurn) {
    Repeater repeater(*loop);
    loop->defer(repeater.task);
    for (int i = 1; i <= 3; ++i) {
        loop->turn({5000});
        EXPECT_EQ(repeater.runs, i);
    }
    {
        Repeater gone(*loop);
        loop->defer(gone.task);
    }
    loop->turn({0});
}

struct Reader {
    explicit Reader(int fd) : watch(fd, Task::call<&Reader::on_readable>, this) {}
    void on_readable() {
        ++calls;
        if (reads) {
            uint64_t value = 0;
            if (::read(watch.fd(), &value, sizeof value) == sizeof value) total += value;
        }
        if (stops) watch.stop();
    }
    int calls = 0;
    uint64_t total = 0;
    bool reads = true;
    bool stops = false;
    Watch watch;
};

void add_to(int fd, uint64_t value) {
    ASSERT_EQ(::write(fd, &value, sizeof value), static_cast<ssize_t>(sizeof value));
}

TEST_P(LoopTest, WatchesAreLevelTriggered) {
    const UniqueFd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    Reader reader(event.get());
    ASSERT_TRUE(reader.watch.start(*loop));
    loop->turn({1});
    EXPECT_EQ(reader.calls, 0);
    for (uint64_t i = 1; i <= 5; ++i) {
        add_to(event.get(), i);
        ASSERT_TRUE(until([&] { return reader.total == i * (i + 1) / 2; }));
    }
    reader.reads = false;
    add_to(event.get(), 7);
    const int calls = reader.calls;
    EXPECT_TRUE(until([&] { return reader.calls >= calls + 3; })) << "told again until it is read";
    reader.stops = true;
    EXPECT_TRUE(until([&] { return reader.calls >= calls + 4; }));
    const int last = reader.calls;
    settle();
    EXPECT_EQ(reader.calls, last);
    reader.stops = false;
    reader.reads = true;
    ASSERT_TRUE(reader.watch.start(*loop));
    EXPECT_TRUE(until([&] { return reader.total == 15 + 7; }));
}

/// From now on there is no memory for this process's calls of io_uring_enter() that both submit something and wait.
void refuse_to_submit_and_wait() {
    constexpr auto argument = [](unsigned index) {
        return static_cast<uint32_t>(offsetof(seccomp_data, args) + index * sizeof(uint64_t));
    };
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(1)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(2)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(steps)), steps};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(2);
}

/// What it tries out must have ended before it is used: what comes later is taken for a connection's.
TEST_P(LoopTest, LeavesNothingInFlightOfItsTrial) {
    if (GetParam() != BackendKind::io_uring) GTEST_SKIP() << "there is no trial";
    const pid_t child = ::fork();
    if (child == 0) {
        refuse_to_submit_and_wait();
        const auto made = Loop::create({.backend = BackendKind::io_uring, .connections = 1, .log = {}});
        for (int turn = 0; made && turn < 3; ++turn) (*made)->turn({0});
        ::_exit(!made && made.error().text == "io_uring does not cancel" ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_P(LoopTest, WithoutMemoryForBuffersTheTrialFails) {
    if (GetParam() != BackendKind::io_uring) GTEST_SKIP() << "there is no trial";
    // So many that the rings have another size.
    EXPECT_TRUE(holds_in_child([] {
        constexpr int kLength = 1;
        refuse(SYS_mmap, ENOMEM, kLength, BufferPool::kSmallSize);
        const auto made = Loop::create({.backend = BackendKind::io_uring, .connections = 1024, .log = {}});
        return !made && made.error().number == ENOMEM;
    }));
}

TEST_P(LoopTest, AWatchThatTheKernelRefusesSaysSo) {
    if (GetParam() != BackendKind::epoll) GTEST_SKIP() << "io_uring polls anything";
    const UniqueFd file = file_with("text");
    Reader reader(file.get());
    const Result<void> started = reader.watch.start(*loop);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().text, "epoll_ctl() failed");
    EXPECT_EQ(started.error().number, EPERM);
}

TEST_P(LoopTest, AWatchMayGoAtAnyTime) {
    const UniqueFd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    for (int i = 0; i < 20; ++i) {
        auto reader = std::make_unique<Reader>(event.get());
        reader->reads = false;
        ASSERT_TRUE(reader->watch.start(*loop));
        if (i % 2 == 0) add_to(event.get(), 1);
        if (i % 3 == 0) loop->turn({0});
        reader.reset();
        if (i % 5 == 0) loop->turn({0});
    }
    settle();
}

struct Corpse : Mortal {
    Corpse(int& buried, const bool& allowed) : buried_(buried), allowed_(allowed) {}
    ~Corpse() override { ++buried_; }
    bool can_be_buried() const override { return allowed_; }
    int& buried_;
    const bool& allowed_;
};

TEST_P(LoopTest, TheDeadAreBuriedWhenTheyAllowIt) {
    int buried = 0;
    bool allowed = false;
    const bool at_once = true;
    loop->bury(new Corpse(buried, allowed));
    loop->bury(new Corpse(buried, at_once));
    loop->bury(new Corpse(buried, allowed));
    EXPECT_EQ(buried, 0);
    loop->turn({0});
    EXPECT_EQ(buried, 1);
    allowed = true;
    loop->turn({0});
    EXPECT_EQ(buried, 3);
}

TEST_P(LoopTest, ALoopTakesItsDeadWithIt) {
    auto [peer, fd] = tcp_pair();
    bool destroyed = false;
    auto* recorder = new Recorder(*loop);
    recorder->destroyed = &destroyed;
    recorder->connection.open(std::move(fd));
    settle();
    recorder->connection.close();
    loop->bury(recorder);
    loop.reset();
    EXPECT_TRUE(destroyed);
}

TEST_P(LoopTest, StopEndsRun) {
    std::vector<int> record;
    struct Stopper {
        explicit Stopper(Loop& its_loop) : loop(its_loop) {}
        void stop() { loop.stop(); }
        Loop& loop;
        Timer timer{Timer::call<&Stopper::stop>, this};
    } stopper(*loop);
    stopper.timer.arm(*loop, {10});
    loop->run();
    EXPECT_GT(loop->wall_msec(), int64_t{1'700'000'000'000});
}

TEST_P(LoopTest, TheClockStandsStillWithinATurn) {
    struct Sleeper {
        explicit Sleeper(Loop& its_loop) : loop(its_loop) {}
        void look() {
            const Msec before = loop.now();
            ::usleep(5000);
            same = loop.now() == before;
        }
        Loop& loop;
        bool same = false;
        Task task{Task::call<&Sleeper::look>, this};
    } sleeper(*loop);
    loop->defer(sleeper.task);
    loop->turn({0});
    EXPECT_TRUE(sleeper.same);
}

}  // namespace
}  // namespace sluice::event
