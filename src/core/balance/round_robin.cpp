// Round robin, and the rules of failures, limits and backups that all methods share.
#include "core/balance/round_robin.h"

#include <algorithm>

namespace sluice::balance {

namespace {

/// A zone that was emptied meanwhile, because a worker died in it, counts from zero again.
void give_back(PeerState& state) {
    if (state.connections != 0) --state.connections;
}

}  // namespace

RoundRobinSelection::RoundRobinSelection(const Peers& peers, script::Subject& subject)
    : Selection(peers.is_single() ? 1 : peers.tries()), peers_(peers), subject_(subject) {
    use_group(peers.primary());
}

RoundRobinSelection::~RoundRobinSelection() {
    if (held_ == kNone) return;
    States states(peers_);
    give_back(states.of(*group_, held_));
}

/// Backups are tried from the start: a peer's bit is its index in the group.
void RoundRobinSelection::use_group(const Group& group) {
    group_ = &group;
    few_tried_ = 0;
    const size_t words = (group.peers.size() + 63) / 64;
    tried_ = words <= 1 ? &few_tried_ : subject_.arena().make_array<uint64_t>(words).data();
}

bool RoundRobinSelection::is_usable(States& states, const Group& group, size_t index, Seconds now) const {
    const Peer& peer = group.peers[index];
    if (is_tried(index) || peer.is_down) return false;
    const PeerState& state = states.of(group, index);
    const bool is_failed = peer.max_fails != 0 && state.fails >= peer.max_fails &&
                           now.count - state.checked_at.count <= peer.fail_timeout.count;
    return !is_failed && (peer.max_conns == 0 || state.connections < peer.max_conns);
}

const Peer* RoundRobinSelection::pick(Seconds now) {
    States states(peers_);
    if (peers_.is_single()) {
        // The only peer never counts as failed, and may be tried again.
        const Peer& only = group_->peers[0];
        const bool has_room = only.max_conns == 0 || states.of(*group_, 0).connections < only.max_conns;
        return only.is_down || !has_room ? nullptr : take(states, 0, now);
    }
    size_t index = choose(states, *group_, now);
    if (index == kNone && group_ == &peers_.primary() && !peers_.backup().peers.empty()) {
        use_group(peers_.backup());
        index = choose(states, *group_, now);
    }
    return index != kNone ? take(states, index, now) : nullptr;
}

size_t RoundRobinSelection::choose_round_robin(States& states, const Group& group, Seconds now) const {
    Turns turns;
    for (size_t i = 0; i < group.peers.size(); ++i)
        if (is_usable(states, group, i, now)) turns.offer(i, group.peers[i], states.of(group, i));
    return turns.winner();
}

const Peer* RoundRobinSelection::take(States& states, size_t index, Seconds now) {
    const Peer& peer = group_->peers[index];
    PeerState& state = states.of(*group_, index);
    // One request in each fail_timeout finds out whether a failed peer is back.
    if (now.count - state.checked_at.count > peer.fail_timeout.count) state.checked_at = now;
    ++state.connections;
    tried_[index / 64] |= uint64_t{1} << index % 64;
    held_ = index;
    return &peer;
}

void RoundRobinSelection::release(Outcome outcome, Seconds now) {
    if (held_ == kNone) return;
    States states(peers_);
    PeerState& state = states.of(*group_, held_);
    const Peer& peer = group_->peers[held_];
    held_ = kNone;
    give_back(state);
    if (peers_.is_single()) {
        state.fails = 0;
        tries_left_ = 0;
        return;
    }
    if (tries_left_ != 0) --tries_left_;
    if (outcome == Outcome::failed) {
        count_failure(state, peer, now);
    } else if (outcome == Outcome::ok && state.failed_at < state.checked_at) {
        state.fails = 0;
    }
}

void RoundRobinSelection::count_failure(PeerState& state, const Peer& peer, Seconds now) const {
    ++state.fails;
    state.failed_at = state.checked_at = now;
    if (peer.max_fails == 0) return;
    state.effective_weight -= int64_t{peer.weight} / peer.max_fails;
    state.effective_weight = std::max<int64_t>(state.effective_weight, 0);
    if (state.fails >= peer.max_fails)
        subject_.log().write(LogLevel::warn, 0, "upstream server temporarily disabled");
}

Selection& RoundRobin::begin(script::Subject& subject) const {
    return *subject.arena().make<RoundRobinSelection>(peers_, subject);
}

}  // namespace sluice::balance
