// Batching: for whom the loop waits.
#include "event/batching.h"

#include <array>
#include <span>

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

class BatchingTest : public testing::Test {
 protected:
    /// An epoch in which each of these has sent something, and waits brought `count` completions each.
    void pass(std::span<uint8_t> stamps, uint32_t count) {
        for (uint8_t& stamp : stamps) batching_.saw(stamp);
        for (int i = 0; i < 20; ++i) batching_.brought(count, now_);
        now_ = now_ + Msec{11};
        batching_.brought(count, now_);
    }

    Batching batching_;
    Msec now_{1000};
};

TEST_F(BatchingTest, WaitsForManyWhoStay) {
    std::array<uint8_t, Batching::kManyClients> clients{};
    EXPECT_EQ(batching_.wanted(), 1U);
    pass(clients, 10);
    EXPECT_EQ(batching_.wanted(), 1U) << "nobody has been there before";
    pass(clients, 10);
    EXPECT_GE(batching_.wanted(), Batching::kSmallest);
    pass(std::span(clients).first(Batching::kManyClients - 1), 10);
    EXPECT_EQ(batching_.wanted(), 1U) << "too few";
}

TEST_F(BatchingTest, DoesNotWaitForNewConnections) {
    for (int i = 0; i < 5; ++i) {
        std::array<uint8_t, 4 * Batching::kManyClients> clients{};
        pass(clients, 10);
        EXPECT_EQ(batching_.wanted(), 1U);
    }
}

TEST_F(BatchingTest, WaitsForNoMoreThanCame) {
    std::array<uint8_t, Batching::kManyClients> clients{};
    pass(clients, 10);
    pass(clients, 10);
    batching_.brought(Batching::kSmallest - 1, now_);
    EXPECT_EQ(batching_.wanted(), 1U);
}

}  // namespace
}  // namespace sluice::event
