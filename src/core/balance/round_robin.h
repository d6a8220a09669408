// Smooth weighted round robin in nginx's order, and what every method shares: the peers tried, failures, limits, the
// backup servers. Other methods derive from the selection and choose in their own way first.
#pragma once

#include "core/balance/balancer.h"

namespace sluice::balance {

class RoundRobinSelection : public Selection {
 public:
    RoundRobinSelection(const Peers& peers, script::Subject& subject);
    ~RoundRobinSelection();

    const Peer* pick(Seconds now) final;
    void release(Outcome outcome, Seconds now) final;

 protected:
    static constexpr size_t kNone = SIZE_MAX;

    /// The index in `group` of the peer to take, or kNone. Called with the states locked, for the primary peers and,
    /// when these have none, for the backups.
    virtual size_t choose(States& states, const Group& group, Seconds now) {
        return choose_round_robin(states, group, now);
    }
    size_t choose_round_robin(States& states, const Group& group, Seconds now) const;

    /// Not tried by this request, not down, not failed of late, below max_conns.
    bool is_usable(States& states, const Group& group, size_t index, Seconds now) const;
    bool is_tried(size_t index) const { return (tried_[index / 64] & (uint64_t{1} << index % 64)) != 0; }
    const Peers& peers() const { return peers_; }

 private:
    bool has_room_in(const Group& group, size_t index, const PeerState& state) const;
    void use_group(const Group& group);
    const Peer* take(States& states, size_t index, Seconds now);
    void count_failure(PeerState& state, const Peer& peer, Seconds now) const;

    const Peers& peers_;
    script::Subject& subject_;
    const Group* group_ = nullptr;
    uint64_t few_tried_ = 0;     ///< where tried_ points for up to 64 peers
    uint64_t* tried_ = nullptr;  ///< one bit for each peer of the group
    size_t held_ = kNone;
};

/// The turns of smooth weighted round robin: each candidate gains its weight, the one with most goes and pays for
/// all.
class Turns {
 public:
    /// A candidate; only those are moved. Of equals, the first wins.
    void offer(size_t index, const Peer& peer, PeerState& state) {
        state.current_weight += state.effective_weight;
        total_ += state.effective_weight;
        if (state.effective_weight < int64_t{peer.weight}) ++state.effective_weight;
        if (best_state_ != nullptr && state.current_weight <= best_state_->current_weight) return;
        best_state_ = &state;
        best_ = index;
    }
    /// The winner's index, SIZE_MAX without candidates. Call once.
    size_t winner() {
        if (best_state_ != nullptr) best_state_->current_weight -= total_;
        return best_;
    }

 private:
    PeerState* best_state_ = nullptr;
    size_t best_ = SIZE_MAX;
    int64_t total_ = 0;
};

class RoundRobin final : public Balancer {
 public:
    explicit RoundRobin(const Peers& peers) : peers_(peers) {}
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
};

}  // namespace sluice::balance
