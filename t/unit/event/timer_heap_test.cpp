// TimerHeap: order, lazy moves in both directions, and callbacks that arm, disarm and destroy timers.
#include "event/timer_heap.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

struct Clock {
    TimerHeap heap;
    std::vector<int> fired;
    Msec now{1000};

    void pass(int64_t msec) {
        now = now + Msec{msec};
        heap.fire(now);
    }
};

struct Owner {
    Owner(Clock& its_clock, int its_number) : clock(its_clock), number(its_number) {}
    ~Owner() { clock.heap.remove(timer); }
    void on_timeout() {
        clock.fired.push_back(number);
        if (then != nullptr) then(*this);
    }
    void arm(int64_t delay) { clock.heap.arm(timer, clock.now + Msec{delay}); }

    Clock& clock;
    int number;
    void (*then)(Owner& owner) = nullptr;
    void* context = nullptr;
    Timer timer{Timer::call<&Owner::on_timeout>, this};
};

TEST(TimerHeap, FiresOnceAndInOrder) {
    Clock clock;
    Owner a(clock, 1);
    Owner b(clock, 2);
    Owner c(clock, 3);
    b.arm(20);
    c.arm(30);
    a.arm(10);
    EXPECT_EQ(clock.heap.until_next(clock.now).count, 10);
    clock.pass(9);
    EXPECT_TRUE(clock.fired.empty());
    clock.pass(1);
    EXPECT_EQ(clock.fired, std::vector({1}));
    EXPECT_FALSE(a.timer.is_armed());
    clock.pass(100);
    EXPECT_EQ(clock.fired, std::vector({1, 2, 3}));
    EXPECT_EQ(clock.heap.until_next(clock.now).count, -1);
}

TEST(TimerHeap, AMoveCountsInBothDirections) {
    Clock clock;
    Owner a(clock, 1);
    a.arm(10);
    a.arm(50);
    clock.pass(10);
    EXPECT_TRUE(clock.fired.empty());
    EXPECT_EQ(clock.heap.until_next(clock.now).count, 40);
    a.arm(5);
    EXPECT_EQ(clock.heap.until_next(clock.now).count, 5);
    clock.pass(5);
    EXPECT_EQ(clock.fired, std::vector({1}));
    clock.pass(100);
    EXPECT_EQ(clock.fired.size(), 1U);
}

TEST(TimerHeap, ADisarmedTimerDoesNotFireAndCanBeArmedAgain) {
    Clock clock;
    Owner a(clock, 1);
    a.arm(10);
    a.timer.disarm();
    EXPECT_FALSE(a.timer.is_armed());
    clock.pass(5);
    a.arm(1);
    clock.pass(1);
    EXPECT_EQ(clock.fired, std::vector({1}));
    a.arm(10);
    a.timer.disarm();
    clock.pass(10);
    EXPECT_EQ(clock.heap.size(), 0U);
    EXPECT_EQ(clock.fired.size(), 1U);
}

// Otherwise a callback that asks for no delay would keep the loop for ever.
TEST(TimerHeap, WhatACallbackArmsWithoutDelayFiresInTheNextRound) {
    Clock clock;
    Owner a(clock, 1);
    Owner b(clock, 2);
    a.then = [](Owner& self) {
        ASSERT_LT(self.clock.fired.size(), 10U);
        self.arm(0);
        static_cast<Owner*>(self.context)->arm(-5);
    };
    a.context = &b;
    a.arm(10);
    clock.pass(10);
    EXPECT_EQ(clock.fired, std::vector({1}));
    EXPECT_LE(clock.heap.until_next(clock.now).count, 1);
    a.then = nullptr;
    clock.pass(1);
    std::sort(clock.fired.begin(), clock.fired.end());
    EXPECT_EQ(clock.fired, std::vector({1, 1, 2}));
}

TEST(TimerHeap, CallbacksMayDisarmAndDestroyOthersThatAreDue) {
    Clock clock;
    Owner a(clock, 1);
    Owner b(clock, 2);
    auto c = std::make_unique<Owner>(clock, 3);
    Owner d(clock, 4);
    struct Others {
        Owner& disarmed;
        std::unique_ptr<Owner>& destroyed;
    } others{b, c};
    a.context = &others;
    a.then = [](Owner& self) {
        auto& victims = *static_cast<Others*>(self.context);
        victims.disarmed.timer.disarm();
        victims.destroyed.reset();
    };
    a.arm(1);
    b.arm(2);
    c->arm(3);
    d.arm(4);
    clock.pass(10);
    EXPECT_EQ(clock.fired, std::vector({1, 4}));
}

TEST(TimerHeap, ATimerMayEndWithItsOwnCallback) {
    Clock clock;
    auto* owner = new Owner(clock, 1);
    owner->then = [](Owner& self) { delete &self; };
    owner->arm(1);
    clock.pass(1);
    EXPECT_EQ(clock.heap.size(), 0U);
}

TEST(TimerHeap, OutlivesNoTimerThatIsStillArmed) {
    auto clock = std::make_unique<Clock>();
    Timer timer([](void*) {}, nullptr);
    clock->heap.arm(timer, {5});
    clock.reset();
    EXPECT_FALSE(timer.is_armed());
}

// Against the plainest model: a list of deadlines.
TEST(TimerHeap, AgreesWithAListUnderRandomUse) {
    std::mt19937 random(7);
    Clock clock;
    constexpr int kCount = 500;
    std::vector<std::unique_ptr<Owner>> owners;
    std::vector<int64_t> deadlines(kCount, -1);
    for (int i = 0; i < kCount; ++i) owners.push_back(std::make_unique<Owner>(clock, i));
    for (int round = 0; round < 3000; ++round) {
        for (int i = 0; i < 20; ++i) {
            const size_t which = random() % kCount;
            const unsigned what = random() % 8;
            if (what == 0) {
                owners[which]->timer.disarm();
                deadlines[which] = -1;
            } else if (what == 1) {
                owners[which] = std::make_unique<Owner>(clock, static_cast<int>(which));
                deadlines[which] = -1;
            } else {
                const int64_t delay = 1 + static_cast<int64_t>(random() % 300);
                owners[which]->arm(delay);
                deadlines[which] = clock.now.count + delay;
            }
        }
        clock.fired.clear();
        clock.pass(static_cast<int64_t>(random() % 10));
        std::vector<int> expected;
        for (int i = 0; i < kCount; ++i) {
            int64_t& deadline = deadlines[static_cast<size_t>(i)];
            if (deadline < 0 || deadline > clock.now.count) continue;
            expected.push_back(i);
            deadline = -1;
        }
        std::sort(clock.fired.begin(), clock.fired.end());
        ASSERT_EQ(clock.fired, expected) << "round " << round;
        int64_t first = INT64_MAX;
        for (const int64_t deadline : deadlines)
            if (deadline >= 0) first = std::min(first, deadline);
        // It may wake too early, never too late.
        if (first == INT64_MAX) continue;
        ASSERT_LE(clock.heap.until_next(clock.now).count, first - clock.now.count);
    }
}

}  // namespace
}  // namespace sluice::event
