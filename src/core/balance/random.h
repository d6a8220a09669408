// `random;`: a peer by chance, in proportion to the weights. `random two least_conn;`: of two by chance, the one with
// fewer connections for its weight.
#pragma once

#include "core/balance/balancer.h"

namespace sluice::balance {

class Random final : public Balancer {
 public:
    enum class Draw : uint8_t { one, two };
    /// Uniform 32-bit numbers.
    using Source = uint32_t (*)();
    /// A fast generator, seeded in each process on its first use; nothing secret hangs on it.
    static uint32_t next_number();

    Random(const Peers& peers, Draw draw, Source source = next_number)
        : peers_(peers), draw_(draw), source_(source) {}
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
    Draw draw_;
    Source source_;
};

}  // namespace sluice::balance
