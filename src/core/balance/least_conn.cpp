// Two passes: the best ratio of connections and weight, then round robin among those that have it.
#include "core/balance/least_conn.h"

namespace sluice::balance {

namespace {

class LeastConnSelection final : public RoundRobinSelection {
 public:
    using RoundRobinSelection::RoundRobinSelection;

 private:
    size_t choose(States& states, const Group& group, Seconds now) override;
};

/// Compares connections per weight without dividing: negative when a has fewer.
int compare(const PeerState& a, const Peer& a_peer, const PeerState& b, const Peer& b_peer) {
    const uint64_t left = uint64_t{a.connections} * b_peer.weight;
    const uint64_t right = uint64_t{b.connections} * a_peer.weight;
    if (left == right) return 0;
    return left < right ? -1 : 1;
}

size_t LeastConnSelection::choose(States& states, const Group& group, Seconds now) {
    size_t best = kNone;
    bool is_tied = false;
    for (size_t i = 0; i < group.peers.size(); ++i) {
        if (!is_usable(states, group, i, now)) continue;
        const int order =
            best == kNone ? -1
                          : compare(states.of(group, i), group.peers[i], states.of(group, best), group.peers[best]);
        if (order < 0) best = i;
        if (order <= 0) is_tied = order == 0;
    }
    if (!is_tied) return best;
    Turns turns;
    for (size_t i = best; i < group.peers.size(); ++i) {
        if (!is_usable(states, group, i, now)) continue;
        if (compare(states.of(group, i), group.peers[i], states.of(group, best), group.peers[best]) != 0) continue;
        turns.offer(i, group.peers[i], states.of(group, i));
    }
    return turns.winner();
}

}  // namespace

Selection& LeastConn::begin(script::Subject& subject) const {
    return *subject.arena().make<LeastConnSelection>(peers_, subject);
}

}  // namespace sluice::balance
