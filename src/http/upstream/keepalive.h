// Pool: connections to the servers of a group that wait for their next request, per worker. Last used is used first:
// the others run into their time-out.
#pragma once

#include <cstdint>

#include "core/base/list.h"
#include "core/base/units.h"

namespace sluice::http::upstream {

class PeerConnection;
struct GroupConf;
struct Route;

/// Lists that an idle connection stands in: its group's pool, and all of the worker.
struct PoolTag {};
struct IdleTag {};
/// All connections of the worker that carry many requests at a time.
struct SharedTag {};

class Pool {
 public:
    explicit Pool(const GroupConf& conf) : conf_(conf) {}

    /// A connection that waits and is good for `route`, taken out; null when there is none. Pools that are local give
    /// a location only what it has put in itself.
    PeerConnection* take(const Route& route);
    /// Keeps the connection, or closes it when its time is over; the one that waits longest makes room.
    void put(PeerConnection& connection);
    /// How many more requests it may carry, by their number and by its age.
    uint32_t requests_left(const PeerConnection& connection) const;
    /// Whether locations use each other's connections.
    bool is_for_all() const;
    /// From a connection that ends while it waits.
    void remove(PeerConnection& connection);

 private:
    const GroupConf& conf_;
    List<PeerConnection, PoolTag> idle_;
    uint32_t count_ = 0;
};

/// Closes every idle connection of this worker, which leaves.
void close_idle_connections();
/// Whether any connection of this worker is idle.
bool has_idle_connections();
/// Closes the idle connection of this worker that waits longest; there is one.
void close_oldest_idle_connection();

}  // namespace sluice::http::upstream
