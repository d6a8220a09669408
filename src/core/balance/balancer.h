// Balancer: the seam that balancing methods implement. One Balancer stands for an upstream; each request that goes
// there begins a Selection, which picks a peer for each try and takes it back with what came of it.
//   Selection& selection = balancer.begin(request);
//   const Peer* peer = selection.pick(now);        // null: "no live upstreams"
//   … selection.release(Outcome::failed, now);     // then pick() again while tries_left() != 0
#pragma once

#include <cstdint>

#include "core/balance/peers.h"
#include "core/script/subject.h"

namespace sluice::balance {

enum class Outcome : uint8_t {
    ok,       ///< also when the request was given up for a reason that is not the peer's
    unknown,  ///< a failure that another request has told: it changes nothing
    failed,   ///< error, timeout or an answer that counts as one; not http_403 and http_404 (nginx's rule)
};

class Selection {
 public:
    Selection(const Selection&) = delete;

    /// A peer that this request has not tried yet, or null when there is none that is alive and has room ("no live
    /// upstreams"). `now`: monotonic time, the same in all workers. The peer counts one connection more until
    /// release(). Not while one is held.
    virtual const Peer* pick(Seconds now) = 0;
    /// Gives the picked peer back. Nothing happens when none is held.
    virtual void release(Outcome outcome, Seconds now) = 0;

    /// How many further peers may be tried; changes with release().
    uint32_t tries_left() const { return tries_left_; }

 protected:
    explicit Selection(uint32_t tries) : tries_left_(tries) {}
    ~Selection() = default;

    uint32_t tries_left_;
};

class Balancer {
 public:
    /// A selection in the subject's arena; a peer that is still held when the arena ends is released.
    virtual Selection& begin(script::Subject& subject) const = 0;

 protected:
    ~Balancer() = default;
};

}  // namespace sluice::balance
