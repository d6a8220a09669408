// The peer with the fewest connections in proportion to its weight; among equals, round robin.
#pragma once

#include "core/balance/round_robin.h"

namespace sluice::balance {

class LeastConn final : public Balancer {
 public:
    explicit LeastConn(const Peers& peers) : peers_(peers) {}
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
};

}  // namespace sluice::balance
