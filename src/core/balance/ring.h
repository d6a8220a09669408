// Ring: points on a circle of 32-bit numbers, 160 for each unit of a server's weight. A key belongs to the first
// point at or behind its hash. Compatible with Cache::Memcached::Fast (ketama_points 160) and nginx.
#pragma once

#include <cstdint>
#include <span>

#include "core/balance/peers.h"

namespace sluice::balance {

class Ring {
 public:
    struct Point {
        uint32_t hash;
        uint32_t server;  ///< number of a peer with that server name
    };

    /// Made in `arena`, out of the primary peers.
    static Ring make(Arena& arena, const Group& group);

    /// Index of the point that `key` belongs to; only when there are points.
    size_t find(Text key) const;
    /// Any index; the circle closes at size().
    const Point& at(size_t index) const { return points_[index % points_.size()]; }
    size_t size() const { return points_.size(); }

 private:
    std::span<const Point> points_;
};

}  // namespace sluice::balance
