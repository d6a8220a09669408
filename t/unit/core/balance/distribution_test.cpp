// Properties: shares follow the weights, nobody starves, few keys move when a server goes, chance is fair.
#include <map>

#include <gtest/gtest.h>

#include "core/balance/crc32.h"
#include "core/balance/hash.h"
#include "core/balance/ip_hash.h"
#include "core/balance/least_conn.h"
#include "core/balance/random.h"
#include "core/balance/ring.h"
#include "core/balance/round_robin.h"
#include "fixture.h"

namespace sluice::balance::test {
namespace {

using Shares = std::map<std::string, int>;

/// A small generator of its own, so that a failure comes again.
struct Numbers {
    uint32_t operator()() { return state = state * 1664525U + 1013904223U; }
    uint32_t below(uint32_t limit) { return ((*this)() >> 8U) % limit; }
    uint32_t state;
};

TEST(Distribution, RoundRobinIsExactAndSmooth) {
    for (uint32_t seed = 1; seed <= 50; ++seed) {
        Numbers numbers{seed};
        Upstream upstream;
        const size_t count = 2 + numbers.below(8);
        uint32_t total = 0;
        std::vector<uint32_t> weights;
        for (size_t i = 0; i < count; ++i) {
            weights.push_back(1 + numbers.below(20));
            total += weights.back();
            upstream.add("s" + std::to_string(i) + " weight=" + std::to_string(weights.back()));
        }
        upstream.make_peers();
        const RoundRobin balancer(*upstream.peers);
        Shares shares;
        for (uint32_t i = 1; i <= total * 3; ++i) {
            ++shares[serve(upstream, balancer)];
            // At no time is a server further from its due than its group is large.
            for (size_t k = 0; k < count; ++k) {
                const double due = static_cast<double>(i) * weights[k] / total;
                ASSERT_NEAR(shares["s" + std::to_string(k)], due, static_cast<double>(count)) << "seed " << seed;
            }
        }
        for (size_t k = 0; k < count; ++k)
            EXPECT_EQ(shares["s" + std::to_string(k)], static_cast<int>(weights[k] * 3)) << "seed " << seed;
    }
}

TEST(Distribution, NobodyStarvesWhateverFails) {
    Upstream upstream;
    for (int i = 0; i < 6; ++i)
        upstream.add("s" + std::to_string(i) + " weight=" + std::to_string(i + 1) + " fail_timeout=5");
    upstream.make_peers();
    const RoundRobin round_robin(*upstream.peers);
    const LeastConn least_conn(*upstream.peers);
    Numbers numbers{7};
    Seconds now = kNow;
    for (int i = 0; i < 5000; ++i) {
        if (numbers.below(10) == 0) ++now.count;
        Request request(upstream, i % 2 == 0 ? static_cast<const Balancer&>(round_robin) : least_conn);
        while (request.selection.pick(now) != nullptr && request.selection.tries_left() > 1)
            request.selection.release(numbers.below(4) == 0 ? Outcome::failed : Outcome::ok, now);
    }
    now.count += 10;
    Shares shares;
    for (int i = 0; i < 21 * 4; ++i) ++shares[serve(upstream, round_robin, now)];
    for (int i = 0; i < 6; ++i) EXPECT_GE(shares["s" + std::to_string(i)], 2) << i;
    for (int i = 0; i < 21 * 20; ++i) serve(upstream, round_robin, now);
    shares.clear();
    for (int i = 0; i < 21 * 4; ++i) ++shares[serve(upstream, round_robin, now)];
    for (int i = 0; i < 6; ++i) EXPECT_EQ(shares["s" + std::to_string(i)], 4 * (i + 1)) << "weights recover";
}

TEST(Distribution, LeastConnFillsByWeight) {
    Upstream upstream;
    for (const char* line : {"a weight=4", "b weight=2", "c"}) upstream.add(line);
    upstream.make_peers();
    const LeastConn balancer(*upstream.peers);
    std::vector<std::unique_ptr<Request>> held;
    Shares shares;
    for (int i = 0; i < 70; ++i) {
        held.push_back(std::make_unique<Request>(upstream, balancer));
        ++shares[std::string(held.back()->selection.pick(kNow)->server)];
    }
    EXPECT_EQ(shares, (Shares{{"a", 40}, {"b", 20}, {"c", 10}}));
}

TEST(Distribution, HashesSpreadByWeightAndStick) {
    Upstream upstream;
    for (const char* line : {"10.0.0.1:80 weight=2", "10.0.0.2:80", "10.0.0.3:80"}) upstream.add(line);
    upstream.make_peers();
    const Hash hash(*upstream.peers, upstream.key);
    const ConsistentHash ring(upstream.arena, *upstream.peers, upstream.key);
    const IpHash ip(*upstream.peers, client_address);
    for (const Balancer* balancer : {static_cast<const Balancer*>(&hash), static_cast<const Balancer*>(&ring),
                                     static_cast<const Balancer*>(&ip)}) {
        Shares shares;
        for (int i = 0; i < 4000; ++i) {
            const std::string key =
                "10." + std::to_string(i % 256) + "." + std::to_string(i / 16) + "." + std::to_string(i % 7);
            const std::string served = serve(upstream, *balancer, kNow, key);
            EXPECT_EQ(serve(upstream, *balancer, kNow, key), served);
            ++shares[served];
        }
        EXPECT_NEAR(shares["10.0.0.1:80"], 2000, 300);
        EXPECT_NEAR(shares["10.0.0.2:80"], 1000, 300);
        EXPECT_NEAR(shares["10.0.0.3:80"], 1000, 300);
    }
}

TEST(Distribution, FewKeysMoveOnTheRingWhenAServerGoes) {
    Upstream before;
    Upstream after;
    for (int i = 0; i < 10; ++i) {
        before.add("10.0.0." + std::to_string(i) + ":80");
        if (i != 4) after.add("10.0.0." + std::to_string(i) + ":80");
    }
    before.make_peers();
    after.make_peers();
    const ConsistentHash with(before.arena, *before.peers, before.key);
    const ConsistentHash without(after.arena, *after.peers, after.key);
    for (int i = 0; i < 3000; ++i) {
        const std::string key = "key" + std::to_string(i);
        const std::string served = serve(before, with, kNow, key);
        if (served == "10.0.0.4:80") continue;
        EXPECT_EQ(serve(after, without, kNow, key), served) << "only the lost server's keys may move";
    }
}

TEST(Distribution, AddressesOfOneServerTakeTurnsOnTheRing) {
    Upstream upstream;
    upstream.add("a.example:80 addresses=3");
    upstream.add("b.example:80");
    upstream.make_peers();
    const ConsistentHash ring(upstream.arena, *upstream.peers, upstream.key);
    std::string key = "k";
    while (!serve(upstream, ring, kNow, key).starts_with("a.example")) key += "k";
    Shares shares;
    for (int i = 0; i < 30; ++i) ++shares[serve(upstream, ring, kNow, key)];
    EXPECT_EQ(shares, (Shares{{"a.example:80", 10}, {"a.example:80#1", 10}, {"a.example:80#2", 10}}));
    EXPECT_EQ(Ring::make(upstream.arena, upstream.peers->primary()).size(), 320U) << "points of a name count once";
}

TEST(Distribution, ChanceIsFair) {
    Upstream upstream;
    for (const char* line : {"a weight=3", "b", "c down", "d"}) upstream.add(line);
    upstream.make_peers();
    const Random random(*upstream.peers, Random::Draw::one);
    Shares shares;
    for (int i = 0; i < 10000; ++i) ++shares[serve(upstream, random)];
    EXPECT_NEAR(shares["a"], 6000, 400);
    EXPECT_NEAR(shares["b"], 2000, 300);
    EXPECT_NEAR(shares["d"], 2000, 300);
    EXPECT_EQ(shares.size(), 3U);
}

TEST(Distribution, OfTwoTheLessBusyIsTaken) {
    Upstream upstream;
    for (const char* line : {"a", "b", "c weight=2", "d"}) upstream.add(line);
    upstream.make_peers();
    const Random random(*upstream.peers, Random::Draw::two);
    std::vector<std::unique_ptr<Request>> held;
    Shares shares;
    for (int i = 0; i < 500; ++i) {
        held.push_back(std::make_unique<Request>(upstream, random));
        ++shares[std::string(held.back()->selection.pick(kNow)->server)];
    }
    // Draws of one alone would be off by 10 or so; the better of two keeps the ratio within a few.
    EXPECT_NEAR(shares["c"], 200, 8);
    for (const char* other : {"a", "b", "d"}) EXPECT_NEAR(shares[other], 100, 6);
}

TEST(Distribution, OneThatIsLeftIsFoundByChanceToo) {
    Upstream upstream;
    for (const char* line : {"a down weight=100", "b", "c down weight=100"}) upstream.add(line);
    upstream.make_peers();
    for (const Random::Draw draw : {Random::Draw::one, Random::Draw::two}) {
        const Random random(*upstream.peers, draw);
        for (int i = 0; i < 50; ++i) ASSERT_EQ(serve(upstream, random), "b");
    }
}

TEST(Crc32, KnownValues) {
    Crc32 crc;
    EXPECT_EQ(crc.value(), 0U);
    crc.update("1234");
    crc.update("56789");
    EXPECT_EQ(crc.value(), 0xcbf43926U);
}

}  // namespace
}  // namespace sluice::balance::test
