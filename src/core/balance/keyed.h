// What methods share that map a key to a peer: a number of attempts to find one that is usable, then round robin.
#pragma once

#include "core/balance/round_robin.h"

namespace sluice::balance {

class KeyedSelection : public RoundRobinSelection {
 public:
    using RoundRobinSelection::RoundRobinSelection;

 protected:
    ~KeyedSelection() = default;
    /// The next candidate for the key, or kNone for one that is of no use. Each call goes on from the last.
    virtual size_t attempt(States& states, const Group& group, Seconds now) = 0;
    /// The peer in whose share of the group's weight `point` falls (below total_weight).
    static size_t find_by_weight(const Group& group, uint64_t point);

 private:
    static constexpr uint32_t kMostAttempts = 20;
    size_t choose(States& states, const Group& group, Seconds now) final;
    uint32_t failed_attempts_ = 0;
};

}  // namespace sluice::balance
