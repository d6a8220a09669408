// Batching: for whom the loop waits.
#include "event/batching.h"

#include <array>
#include <span>

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

class BatchingTest : public testing::Test {
 protected:
    /// An epoch in which each of these has sent something, and waits brought `count` completions each, which cost
    /// `cpu` nanoseconds together.
    void pass(std::span<uint8_t> stamps, uint32_t count, int64_t cpu = 1'000'000) {
        EXPECT_FALSE(batching_.is_epoch_over(now_));
        for (uint8_t& stamp : stamps) batching_.saw(stamp);
        for (int i = 0; i < 20; ++i) batching_.brought(count);
        now_ = now_ + Msec{11};
        EXPECT_TRUE(batching_.is_epoch_over(now_));
        batching_.start_epoch(now_, cpu_ += cpu);
    }

    void SetUp() override { batching_.start_epoch(now_, cpu_); }

    Batching batching_;
    Msec now_{1000};
    int64_t cpu_ = 0;
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
    batching_.brought(Batching::kSmallest - 1);
    EXPECT_EQ(batching_.wanted(), 1U);
}

TEST_F(BatchingTest, WaitsWhereItPays) {
    std::array<uint8_t, Batching::kManyClients> clients{};
    /// Waits of a hundred epochs, after two hundred in which it finds out.
    const auto run = [&](int64_t waiting, int64_t otherwise) {
        int waits = 0;
        for (int i = 0; i < 300; ++i) {
            if (i == 200) waits = 0;
            waits += batching_.wanted() > 1 ? 1 : 0;
            pass(clients, 10, batching_.wanted() > 1 ? waiting : otherwise);
        }
        return waits;
    };
    EXPECT_GT(run(700'000, 800'000), 90);
    EXPECT_LT(run(900'000, 800'000), 10);
    EXPECT_GT(run(700'000, 800'000), 90) << "it does not go back";
}

}  // namespace
}  // namespace sluice::event
