// `hash KEY;`: the peer that a key's CRC falls on, as Cache::Memcached and nginx distribute. `hash KEY consistent;`:
// a ring of points as Cache::Memcached::Fast and nginx have it, so that few keys move when servers come or go.
// Without a key (empty), round robin.
#pragma once

#include "core/balance/balancer.h"
#include "core/balance/ring.h"
#include "core/script/complex_value.h"

namespace sluice::balance {

class Hash final : public Balancer {
 public:
    Hash(const Peers& peers, const script::Complex& key) : peers_(peers), key_(key) {}
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
    script::Complex key_;
};

class ConsistentHash final : public Balancer {
 public:
    /// The ring is made in `arena`.
    ConsistentHash(Arena& arena, const Peers& peers, const script::Complex& key);
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
    script::Complex key_;
    Ring ring_;
};

}  // namespace sluice::balance
