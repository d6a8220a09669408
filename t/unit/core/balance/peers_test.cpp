// Failures, limits, backups, shared states and what becomes of a peer that nobody gave back.
#include "core/balance/peers.h"

#include <gtest/gtest.h>

#include "core/balance/hash.h"
#include "core/balance/least_conn.h"
#include "core/balance/round_robin.h"
#include "fixture.h"

namespace sluice::balance::test {
namespace {

PeerState state_of(const Upstream& upstream, const Group& group, size_t index) {
    States states(*upstream.peers);
    return states.of(group, index);
}

TEST(Peers, GroupsKeepTheOrderOfTheirServers) {
    Upstream upstream;
    for (const char* line : {"a weight=2 addresses=2", "b backup", "c down weight=3", "d backup weight=4 down"})
        upstream.add(line);
    upstream.make_peers();
    const Peers& peers = *upstream.peers;
    ASSERT_EQ(peers.primary().peers.size(), 3U);
    EXPECT_EQ(peers.primary().peers[1].address.name, "a#1");
    EXPECT_EQ(peers.primary().peers[1].server, "a");
    EXPECT_EQ(peers.primary().peers[2].server, "c");
    EXPECT_EQ(peers.primary().total_weight, 7U);
    ASSERT_EQ(peers.backup().peers.size(), 2U);
    EXPECT_EQ(peers.backup().total_weight, 5U);
    EXPECT_EQ(peers.tries(), 3U) << "those that are down are not tried";
    EXPECT_EQ(peers.count(), 5U);
    EXPECT_FALSE(peers.is_single());
}

TEST(Peers, AnUpstreamWithoutPeersServesNobody) {
    Upstream upstream;
    upstream.make_peers();
    EXPECT_EQ(serve(upstream, RoundRobin(*upstream.peers)), "none");
    EXPECT_EQ(serve(upstream, LeastConn(*upstream.peers)), "none");
    EXPECT_EQ(serve(upstream, Hash(*upstream.peers, upstream.key), kNow, "k"), "none");
    EXPECT_EQ(serve(upstream, ConsistentHash(upstream.arena, *upstream.peers, upstream.key), kNow, "k"), "none");
}

TEST(Peers, EachIsTriedOnceByARequest) {
    for (const size_t count : {2U, 64U, 65U, 200U}) {
        Upstream upstream;
        for (size_t i = 0; i < count; ++i) upstream.add("s" + std::to_string(i) + " max_fails=0");
        upstream.make_peers();
        const RoundRobin balancer(*upstream.peers);
        Request request(upstream, balancer);
        for (size_t i = 0; i < count; ++i) {
            ASSERT_EQ(request.selection.tries_left(), count - i);
            const Peer* peer = request.selection.pick(kNow);
            ASSERT_NE(peer, nullptr);
            ASSERT_EQ(peer->server, "s" + std::to_string(i));
            request.selection.release(Outcome::failed, kNow);
        }
        EXPECT_EQ(request.selection.tries_left(), 0U);
        EXPECT_EQ(request.selection.pick(kNow), nullptr);
    }
}

TEST(Peers, APeerThatIsStillHeldIsReleasedWithItsRequest) {
    for (const char* others : {"", "b", "b backup"}) {
        Upstream upstream;
        upstream.add("a");
        if (*others != '\0') upstream.add(others);
        upstream.make_peers();
        const RoundRobin balancer(*upstream.peers);
        {
            Request request(upstream, balancer);
            ASSERT_NE(request.selection.pick(kNow), nullptr);
            EXPECT_EQ(state_of(upstream, upstream.peers->primary(), 0).connections, 1U);
        }
        const PeerState state = state_of(upstream, upstream.peers->primary(), 0);
        EXPECT_EQ(state.connections, 0U);
        EXPECT_EQ(state.fails, 0U);
    }
}

TEST(Peers, ReleasingTwiceCountsOnce) {
    Upstream upstream;
    upstream.add("a");
    upstream.add("b");
    upstream.make_peers();
    const RoundRobin balancer(*upstream.peers);
    Request request(upstream, balancer);
    request.selection.release(Outcome::failed, kNow);
    ASSERT_NE(request.selection.pick(kNow), nullptr);
    request.selection.release(Outcome::failed, kNow);
    request.selection.release(Outcome::failed, kNow);
    const PeerState state = state_of(upstream, upstream.peers->primary(), 0);
    EXPECT_EQ(state.connections, 0U);
    EXPECT_EQ(state.fails, 1U);
    EXPECT_EQ(request.selection.tries_left(), 1U);
}

TEST(Peers, FailuresDisableForAWhileAndTheLogSaysSo) {
    Upstream upstream;
    upstream.add("a weight=5 max_fails=2 fail_timeout=10");
    upstream.add("b");
    upstream.make_peers();
    const RoundRobin balancer(*upstream.peers);
    const auto fail_once = [&](Seconds now) {
        Request request(upstream, balancer);
        const Peer* peer = request.selection.pick(now);
        if (peer == nullptr) return std::string("none");
        request.selection.release(peer->server == "a" ? Outcome::failed : Outcome::ok, now);
        return std::string(peer->server);
    };
    EXPECT_EQ(fail_once(kNow), "a");
    EXPECT_TRUE(upstream.lines.all.empty());
    EXPECT_EQ(fail_once(kNow), "a");
    EXPECT_EQ(upstream.lines.all, std::vector<std::string>{"warn: upstream server temporarily disabled"});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(fail_once({kNow.count + i % 11}), "b") << i;
    EXPECT_EQ(fail_once({kNow.count + 10}), "b") << "the last second counts";

    // Then one request finds out, and the rest still goes elsewhere.
    const Seconds later{kNow.count + 11};
    Request probe(upstream, balancer);
    const Peer* probed = probe.selection.pick(later);
    while (probed != nullptr && probed->server != "a") {
        probe.selection.release(Outcome::ok, later);
        probed = probe.selection.pick(later);
    }
    ASSERT_NE(probed, nullptr);
    EXPECT_EQ(serve(upstream, balancer, later), "b");
    EXPECT_EQ(serve(upstream, balancer, later), "b");
    probe.selection.release(Outcome::ok, later);
    EXPECT_EQ(state_of(upstream, upstream.peers->primary(), 0).fails, 0U);
    int served_by_a = 0;
    for (int i = 0; i < 60; ++i) served_by_a += serve(upstream, balancer, later) == "a" ? 1 : 0;
    EXPECT_GE(served_by_a, 45) << "its weight has come back";
}

TEST(Peers, ASuccessJustAfterAFailureForgivesNothing) {
    Upstream upstream;
    upstream.add("a max_fails=2");
    upstream.add("b");
    upstream.make_peers();
    const RoundRobin balancer(*upstream.peers);
    Request first(upstream, balancer);
    first.selection.pick(kNow);
    first.selection.release(Outcome::failed, kNow);
    EXPECT_EQ(serve(upstream, balancer), "b");
    EXPECT_EQ(serve(upstream, balancer), "a");
    EXPECT_EQ(state_of(upstream, upstream.peers->primary(), 0).fails, 1U);
}

/// States outside of the process, as far as Peers can tell.
class Shared : public SharedStates {
 public:
    explicit Shared(const Peers& peers) : states_(peers.count()) { peers.reset(states_.data()); }
    PeerState* lock() override {
        EXPECT_FALSE(is_locked);
        is_locked = true;
        ++locks;
        return states_.data();
    }
    void unlock() override {
        EXPECT_TRUE(is_locked);
        is_locked = false;
    }
    void empty(const Peers& peers) { peers.reset(states_.data()); }
    bool is_locked = false;
    int locks = 0;

 private:
    std::vector<PeerState> states_;
};

TEST(Peers, WorkersThatShareStatesTakeTurns) {
    Upstream workers[2];
    for (Upstream& worker : workers) {
        for (const char* line : {"a weight=2", "b", "c max_conns=1"}) worker.add(line);
        worker.make_peers();
    }
    Shared shared(*workers[0].peers);
    for (Upstream& worker : workers) const_cast<Peers*>(worker.peers)->share(shared);
    const RoundRobin first(*workers[0].peers);
    const LeastConn second(*workers[1].peers);
    std::string order;
    for (int i = 0; i < 4; ++i) {
        order += serve(workers[0], first);
        order += serve(workers[1], second);
    }
    EXPECT_EQ(order, "abcaabca");
    {
        Request holds(workers[0], first);
        while (holds.selection.pick(kNow)->server != "c") holds.selection.release(Outcome::ok, kNow);
        for (int i = 0; i < 8; ++i) EXPECT_NE(serve(workers[1], second), "c") << "the other worker holds it";
    }
    EXPECT_FALSE(shared.is_locked);
    EXPECT_GT(shared.locks, 16);
    EXPECT_EQ(state_of(workers[1], workers[1].peers->primary(), 2).connections, 0U);
}

TEST(Peers, AZoneThatWasEmptiedCountsFromZero) {
    Upstream upstream;
    upstream.add("a max_conns=1");
    upstream.add("b max_conns=1");
    upstream.make_peers();
    Shared shared(*upstream.peers);
    const_cast<Peers*>(upstream.peers)->share(shared);
    const RoundRobin balancer(*upstream.peers);
    {
        Request released(upstream, balancer);
        Request dropped(upstream, balancer);
        ASSERT_NE(released.selection.pick(kNow), nullptr);
        ASSERT_NE(dropped.selection.pick(kNow), nullptr);
        shared.empty(*upstream.peers);
        released.selection.release(Outcome::ok, kNow);
    }
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(state_of(upstream, upstream.peers->primary(), i).connections, 0U) << i;
}

}  // namespace
}  // namespace sluice::balance::test
