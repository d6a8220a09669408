// Connections that are told of bytes in the same turn: what the handler of one may do to the others.
#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "event/fixture.h"

namespace sluice::event {
namespace {

class TogetherTest : public EventTest {
 protected:
    static constexpr size_t kCount = 3;

    void SetUp() override {
        EventTest::SetUp();
        for (size_t i = 0; i < kCount; ++i) {
            auto [peer, fd] = tcp_pair();
            peers.push_back(std::move(peer));
            all.push_back(std::make_unique<Recorder>(*loop));
            all.back()->connection.open(std::move(fd));
        }
        settle();
    }
    void TearDown() override {
        for (const auto& each : all) each->connection.close();
        EXPECT_TRUE(until([&] {
            return std::ranges::none_of(all, [](const auto& each) { return each->connection.has_operations(); });
        }));
    }
    /// What the first that is told something does to each of the others.
    void let_the_first(const std::function<void(Recorder& other)>& act) {
        for (const auto& each : all)
            each->reacts = [this, act, me = each.get()] {
                if (std::exchange(has_acted, true)) return;
                for (const auto& other : all)
                    if (other.get() != me) act(*other);
            };
    }
    void write(Text bytes) {
        for (Peer& peer : peers) peer.write(bytes);
    }
    /// How many got exactly this.
    auto count(Text received) const {
        return std::ranges::count_if(all, [&](const auto& each) { return each->received == received; });
    }

    std::vector<Peer> peers;
    std::vector<std::unique_ptr<Recorder>> all;
    bool has_acted = false;
};
INSTANTIATE_TEST_SUITE_P(Backends, TogetherTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(TogetherTest, WhatCameTogetherIsOneArrival) {
    std::vector<uint64_t> arrivals;
    for (const auto& each : all) each->reacts = [&] { arrivals.push_back(loop->arrivals()); };
    write("one");
    ASSERT_TRUE(until([&] { return count("one") == 3; }));
    EXPECT_EQ(arrivals, std::vector(3, arrivals.front()));
    write("two");
    ASSERT_TRUE(until([&] { return count("onetwo") == 3; }));
    EXPECT_GT(arrivals.back(), arrivals.front());
}

TEST_P(TogetherTest, OneMayPauseOthersThatAreToBeTold) {
    let_the_first([](Recorder& other) { other.connection.pause(); });
    write("one");
    ASSERT_TRUE(until([&] { return count("one") == 1; }));
    settle();
    EXPECT_EQ(count(""), 2);
    write("two");
    settle();
    EXPECT_EQ(count(""), 2);
    for (const auto& each : all) each->connection.resume();
    EXPECT_TRUE(until([&] { return count("onetwo") == 3; }));
    for (Peer& peer : peers) peer.finish();
    EXPECT_TRUE(
        until([&] { return std::ranges::all_of(all, [](const auto& each) { return each->peer_closed == 1; }); }));
}

TEST_P(TogetherTest, OneMayPauseAndResumeOthersThatAreToBeTold) {
    let_the_first([](Recorder& other) {
        other.connection.pause();
        other.connection.resume();
    });
    write("one");
    EXPECT_TRUE(until([&] { return count("one") == 3; }));
    write("two");
    EXPECT_TRUE(until([&] { return count("onetwo") == 3; }));
}

TEST_P(TogetherTest, OneMayCloseOthersThatAreToBeTold) {
    let_the_first([](Recorder& other) { other.connection.close(); });
    write("one");
    ASSERT_TRUE(until([&] { return count("one") == 1; }));
    settle();
    EXPECT_EQ(count(""), 2);
    for (const auto& each : all) EXPECT_EQ(each->peer_closed + each->failed, 0);
}

// An object that is used for another socket is not told what came on the one before.
TEST_P(TogetherTest, OneMayReuseOthersThatAreToBeTold) {
    std::vector<Peer> later;
    let_the_first([&](Recorder& other) {
        auto [peer, fd] = tcp_pair();
        later.push_back(std::move(peer));
        other.connection.close();
        other.connection.open(std::move(fd));
    });
    write("one");
    ASSERT_TRUE(until([&] { return count("one") == 1; }));
    settle();
    EXPECT_EQ(count(""), 2);
    for (Peer& peer : later) peer.write("new");
    EXPECT_TRUE(until([&] { return count("new") == 2; }));
}

}  // namespace
}  // namespace sluice::event
