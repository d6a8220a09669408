// Zones: declarations, what a reload carries over, and processes that are killed while they hold the lock.
#include <csignal>

#include <poll.h>
#include <sys/wait.h>

#include "core/log/fixture.h"
#include "core/log/process.h"
#include "core/shm/queue.h"
#include "core/shm/zones.h"

namespace sluice::shm {
namespace {

using log::test::Capture;

struct Item : QueueNode<> {
    uint64_t number;
};
struct State {
    uint64_t counter;
    uint64_t mirror;  // equal to counter whenever nobody is inside
    Queue<Item> items;
};

Result<void> prepare(Lock& lock, void*) {
    auto* state = lock.make<State>();
    if (state == nullptr) return Error("could not allocate state");
    lock.set_root(state);
    return {};
}

Result<void> adopt(Lock&, void* data, const void* previous) {
    if (*static_cast<int*>(data) != *static_cast<const int*>(previous)) return Error("other key");
    return {};
}

constexpr ZoneUse kUse{.user = "test", .prepare = prepare};

std::string add(Zones& zones, Text name, int64_t size, const ZoneUse& use = kUse) {
    Result<Zone*> zone = zones.add(name, Bytes{size}, use);
    return zone ? "" : zone.error().text;
}

/// One mapped zone.
struct Fixture {
    Zones zones;
    Capture capture;
    Zone* zone = nullptr;

    Fixture() {
        zone = *zones.add("z", Bytes{1 << 20}, kUse);
        EXPECT_TRUE(zones.map(nullptr, Log(&capture)));
    }
};

TEST(Zones, DeclarationsMustAgree) {
    Zones zones;
    EXPECT_EQ(add(zones, "one", 65536), "");
    EXPECT_EQ(add(zones, "one", 0), "");
    EXPECT_EQ(add(zones, "one", 65536), "");
    EXPECT_EQ(add(zones, "one", 131072),
              "the size 131072 of shared memory zone \"one\" conflicts with already declared size 65536");
    const ZoneUse other{.user = "other", .prepare = prepare};
    EXPECT_EQ(add(zones, "one", 65536, other),
              "the shared memory zone \"one\" is already declared for a different use");
    EXPECT_EQ(zones.all().size(), 1U);
}

TEST(Zones, ReferenceFirstAndSizeLater) {
    Zones zones;
    int data = 1;
    EXPECT_EQ(add(zones, "one", 0, {.user = "test"}), "");
    EXPECT_EQ(add(zones, "one", 65536, {.user = "test", .prepare = prepare, .data = &data}), "");
    ASSERT_TRUE(zones.map(nullptr, Log()));
    EXPECT_EQ(zones.find("one")->size().count, 65536);
    EXPECT_EQ(zones.find("one")->data(), &data);
    Lock lock(*zones.find("one"));
    EXPECT_NE(lock.root<State>(), nullptr);
}

TEST(Zones, MappingFailsInNginxWords) {
    Zones zones;
    EXPECT_EQ(add(zones, "one", 0), "");
    EXPECT_EQ(zones.map(nullptr, Log()).error().text, "zero size shared memory zone \"one\"");
    Zones small;
    EXPECT_EQ(add(small, "two", 100), "");
    EXPECT_EQ(small.map(nullptr, Log()).error().text, "zone \"two\" is too small");
    Zones huge;
    EXPECT_EQ(add(huge, "three", int64_t{1} << 50U), "");
    Result<void> mapped = huge.map(nullptr, Log());
    EXPECT_EQ(mapped.error().text, "mmap(MAP_ANON|MAP_SHARED, 1125899906842624) failed");
    EXPECT_EQ(mapped.error().number, ENOMEM);
}

class ZoneReload : public ::testing::Test {
 protected:
    /// The counter that the new generation finds, after the old one set it to 42; -1 when mapping failed.
    int64_t counter_after(const ZoneUse& before, const ZoneUse& after, int64_t new_size) {
        EXPECT_EQ(add(old_, "z", 65536, before), "");
        EXPECT_TRUE(old_.map(nullptr, Log(&capture_)));
        {
            Lock lock(*old_.find("z"));
            lock.root<State>()->counter = 42;
        }
        EXPECT_EQ(add(new_, "z", new_size, after), "");
        Result<void> mapped = new_.map(&old_, Log(&capture_));
        if (!mapped) {
            message_ = mapped.error().text;
            return -1;
        }
        Lock lock(*new_.find("z"));
        return static_cast<int64_t>(lock.root<State>()->counter);
    }
    Capture capture_;
    Zones old_;
    Zones new_;
    std::string message_;
};

TEST_F(ZoneReload, SameZoneIsCarriedOver) {
    EXPECT_EQ(counter_after(kUse, kUse, 65536), 42);
}
TEST_F(ZoneReload, SizesAreComparedInWholePages) {
    EXPECT_EQ(counter_after(kUse, kUse, 65000), 42);
}
TEST_F(ZoneReload, OtherSizeIsANewZone) {
    EXPECT_EQ(counter_after(kUse, kUse, 131072), 0);
}
TEST_F(ZoneReload, OtherUserIsANewZone) {
    EXPECT_EQ(counter_after(kUse, {.user = "other", .prepare = prepare}, 65536), 0);
}
TEST_F(ZoneReload, OtherLayoutIsANewZone) {
    EXPECT_EQ(counter_after(kUse, {.user = "test", .layout = 2, .prepare = prepare}, 65536), 0);
}
TEST_F(ZoneReload, AlwaysNewIsANewZone) {
    EXPECT_EQ(counter_after(kUse, {.user = "test", .prepare = prepare, .is_always_new = true}, 65536), 0);
}
TEST_F(ZoneReload, AdoptMayRefuse) {
    int one = 1;
    int two = 2;
    EXPECT_EQ(counter_after({.user = "test", .prepare = prepare, .adopt = adopt, .data = &one},
                            {.user = "test", .prepare = prepare, .adopt = adopt, .data = &two}, 65536),
              -1);
    EXPECT_EQ(message_, "other key");
    Lock lock(*old_.find("z"));
    EXPECT_EQ(lock.root<State>()->counter, 42U) << "the old zone is as it was";
}

TEST(Zone, OutlivesTheGenerationThatMadeIt) {
    Zones fresh;
    const Capture capture;
    State* root = nullptr;
    {
        Zones old;
        EXPECT_EQ(add(old, "z", 65536), "");
        ASSERT_TRUE(old.map(nullptr, Log(&capture)));
        root = Lock(*old.find("z")).root<State>();
        EXPECT_EQ(add(fresh, "z", 65536), "");
        ASSERT_TRUE(fresh.map(&old, Log(&capture)));
    }
    Lock lock(*fresh.find("z"));
    EXPECT_EQ(lock.root<State>(), root) << "at the same address";
    lock.root<State>()->counter = 1;
}

TEST(Zone, FullZoneRefuses) {
    Fixture fixture;
    Lock lock(*fixture.zone);
    while (lock.allocate(1000) != nullptr) {}
    EXPECT_EQ(lock.free_pages(), 0U);
    EXPECT_GT(lock.page_count(), 200U);
    EXPECT_EQ(lock.statistics()[6].failures, 1U);
    EXPECT_TRUE(fixture.capture.lines.empty()) << "saying so is up to the caller";
}

TEST(Zone, FreeingNonsenseIsAnAlert) {
    Fixture fixture;
    Lock lock(*fixture.zone);
    void* piece = lock.allocate(100);
    lock.free(piece);
    lock.free(piece);
    ASSERT_EQ(fixture.capture.lines.size(), 1U);
    EXPECT_NE(fixture.capture.lines[0].find("[alert]"), std::string::npos);
}

int wait_for(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
}

/// A child that takes the lock, does `work` to the zone, says so and waits inside until it is killed.
template <class Work>
void kill_inside(Zone& zone, Lock::Purpose purpose, Work work) {
    int inside[2];
    ASSERT_EQ(::pipe(inside), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Lock lock(zone, purpose);
        work(lock);
        [[maybe_unused]] const ssize_t written = ::write(inside[1], "x", 1);
        for (;;) ::pause();
    }
    pollfd waiting{inside[0], POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, 10000), 1);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(wait_for(child), SIGKILL);
    ::close(inside[0]);
    ::close(inside[1]);
}

TEST(ZoneLock, OwnerKilledWhileChangingEmptiesTheZone) {
    Fixture fixture;
    Held<State> held;
    {
        Lock lock(*fixture.zone);
        held = Held<State>(lock, lock.root<State>());
        lock.root<State>()->counter = 7;
        EXPECT_EQ(held.get(lock), lock.root<State>());
    }
    kill_inside(*fixture.zone, Lock::Purpose::change, [](Lock& lock) {
        ++lock.root<State>()->counter;  // and the mirror not yet
        while (lock.allocate(4096) != nullptr) {}
    });
    EXPECT_TRUE(fixture.capture.lines.empty());
    Lock lock(*fixture.zone);
    ASSERT_EQ(fixture.capture.lines.size(), 1U);
    EXPECT_NE(fixture.capture.lines[0].find("[error]"), std::string::npos);
    EXPECT_NE(fixture.capture.lines[0].find("shared memory zone \"z\" was emptied: process "), std::string::npos);
    EXPECT_EQ(lock.root<State>()->counter, 0U);
    EXPECT_GT(lock.free_pages(), 200U);
    EXPECT_EQ(held.get(lock), nullptr) << "pointers of before are known to be void";
}

TEST(ZoneLock, OwnerKilledWhileLookingChangesNothing) {
    Fixture fixture;
    Held<State> held;
    {
        Lock lock(*fixture.zone);
        held = Held<State>(lock, lock.root<State>());
        lock.root<State>()->counter = 7;
    }
    kill_inside(*fixture.zone, Lock::Purpose::look, [](Lock&) {});
    Lock lock(*fixture.zone);
    EXPECT_TRUE(fixture.capture.lines.empty());
    EXPECT_EQ(lock.root<State>()->counter, 7U);
    EXPECT_EQ(held.get(lock), lock.root<State>());
}

TEST(ZoneLock, OwnerKilledTwice) {
    Fixture fixture;
    for (int i = 1; i <= 3; ++i) {
        kill_inside(*fixture.zone, Lock::Purpose::change, [](Lock& lock) { ++lock.root<State>()->counter; });
        Lock lock(*fixture.zone, Lock::Purpose::look);
        EXPECT_EQ(lock.root<State>()->counter, 0U);
    }
    EXPECT_EQ(fixture.capture.lines.size(), 3U);
}

TEST(ZoneLock, WaiterIsWokenWhenTheOwnerIsKilled) {
    Fixture fixture;
    int inside[2];
    ASSERT_EQ(::pipe(inside), 0);
    const pid_t owner = ::fork();
    if (owner == 0) {
        Lock lock(*fixture.zone);
        [[maybe_unused]] const ssize_t written = ::write(inside[1], "x", 1);
        for (;;) ::pause();
    }
    pollfd waiting{inside[0], POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, 10000), 1);
    const pid_t waiter = ::fork();
    if (waiter == 0) {
        ::alarm(20);
        Lock lock(*fixture.zone);
        ::_exit(lock.root<State>()->counter == 0 ? 0 : 1);
    }
    // Wait until it sleeps in the lock, so that it is the kernel that has to wake it.
    const std::string path = "/proc/" + std::to_string(waiter) + "/wchan";
    for (int i = 0; i < 5000; ++i) {
        std::ifstream in(path);
        std::string place;
        in >> place;
        if (place.find("futex") != std::string::npos) break;
        ::usleep(1000);
    }
    ::kill(owner, SIGKILL);
    wait_for(owner);
    EXPECT_EQ(wait_for(waiter), 0);
}

/// Adds and removes under the lock until killed or done.
void work_hard(Zone& zone, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        Lock lock(zone);
        State& state = *lock.root<State>();
        if (state.counter != state.mirror) ::_exit(1);
        ++state.counter;
        if (auto* item = lock.make<Item>()) state.items.push(*item);
        if (state.counter % 3 == 0 && !state.items.empty()) {
            Item& oldest = *state.items.oldest();
            Queue<Item>::remove(oldest);
            lock.free(&oldest);
        }
        ++state.mirror;
    }
}

TEST(ZoneLock, ExcludesProcesses) {
    Fixture fixture;
    constexpr int kRounds = 20000;
    pid_t children[4];
    for (pid_t& child : children) {
        child = ::fork();
        if (child == 0) {
            work_hard(*fixture.zone, kRounds);
            ::_exit(0);
        }
    }
    for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);
    EXPECT_EQ(Lock(*fixture.zone).root<State>()->counter, 4U * kRounds);
}

TEST(ZoneLock, SurvivesProcessesThatAreKilledAnywhere) {
    Fixture fixture;
    for (int round = 0; round < 60; ++round) {
        pid_t children[2];
        for (pid_t& child : children) {
            child = ::fork();
            if (child == 0) {
                log::set_echo_to_stderr(false);
                work_hard(*fixture.zone, INT32_MAX);
            }
        }
        ::usleep(static_cast<useconds_t>(500 + round * 37));
        for (const pid_t child : children) ::kill(child, SIGKILL);
        for (const pid_t child : children) EXPECT_EQ(wait_for(child), SIGKILL) << "1: saw a zone half changed";
        Lock lock(*fixture.zone);
        State& state = *lock.root<State>();
        ASSERT_EQ(state.counter, state.mirror);
        while (Item* item = state.items.oldest()) {
            Queue<Item>::remove(*item);
            lock.free(item);
        }
        state.counter = state.mirror = 0;
        ASSERT_EQ(lock.free_pages() + 1, lock.page_count()) << "but for the root nothing is in use";
    }
}

}  // namespace
}  // namespace sluice::shm
