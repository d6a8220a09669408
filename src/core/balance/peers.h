// Peers: the servers of an upstream and what is known of each at the moment. What the configuration says (Peer) lies
// in the generation's memory; what changes (PeerState) is one flat array, private to the worker or in a zone.
#pragma once

#include <cstdint>
#include <span>

#include <sys/socket.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/base/units.h"

namespace sluice::balance {

/// A socket address as bytes; the event layer makes sense of them.
struct Address {
    sockaddr_storage bytes{};
    socklen_t length = 0;
    Text name;  ///< "127.0.0.1:3001", as $upstream_addr and log lines print it
};

/// A `server` line with the addresses that its name has; each of them becomes a peer.
struct Server {
    Text name;  ///< as written: "backend1.example.com:8080"
    std::span<const Address> addresses;
    uint32_t weight = 1;     ///< at least 1
    uint32_t max_conns = 0;  ///< 0: no limit
    uint32_t max_fails = 1;  ///< 0: failures are not counted
    Seconds fail_timeout{10};
    bool is_backup = false;
    bool is_down = false;
};

/// One address of a server.
struct Peer {
    Address address;
    Text server;  ///< as written
    uint32_t weight = 1;
    uint32_t max_conns = 0;
    uint32_t max_fails = 1;
    Seconds fail_timeout{10};
    bool is_down = false;
};

/// What changes about a peer. No pointers: it may lie in shared memory. All zero but for effective_weight at first.
struct PeerState {
    int64_t current_weight = 0;    ///< of the smooth round robin
    int64_t effective_weight = 0;  ///< falls with each failure, recovers with each choice
    uint32_t connections = 0;
    uint32_t fails = 0;
    Seconds failed_at{};   ///< when a request failed last
    Seconds checked_at{};  ///< when it failed last, or was tried again after fail_timeout
};

/// The primary or the backup servers.
struct Group {
    std::span<const Peer> peers;
    size_t first_state = 0;     ///< where their states begin
    uint32_t total_weight = 0;  ///< those that are down included
    uint32_t up = 0;            ///< number of those that are not down
};

/// Where states lie when workers share them (the `zone` directive). Calls to lock() and unlock() pair and do not
/// nest.
class SharedStates {
 public:
    /// The states of all peers in their order; valid until unlock().
    virtual PeerState* lock() = 0;
    virtual void unlock() = 0;

 protected:
    ~SharedStates() = default;
};

class Peers {
 public:
    /// Peers of `servers` in their order; texts and addresses must live as long as `arena`.
    static Peers* make(Arena& arena, std::span<const Server> servers);
    Peers(const Peers&) = delete;

    const Group& primary() const { return primary_; }
    const Group& backup() const { return backup_; }
    /// One primary peer and no other: nothing to choose, and failures do not count.
    bool is_single() const { return primary_.peers.size() == 1 && backup_.peers.empty(); }
    /// How many peers one request may try.
    uint32_t tries() const { return primary_.up + backup_.up; }

    /// Number of states; a zone needs this many PeerState.
    size_t count() const { return primary_.peers.size() + backup_.peers.size(); }
    /// Gives `states` (count() of them) their first values.
    void reset(PeerState* states) const;
    /// States are in shared memory from now on; `shared` outlives this.
    void share(SharedStates& shared) { shared_ = &shared; }

 private:
    friend class Arena;
    friend class States;
    Peers() = default;

    Group primary_;
    Group backup_;
    PeerState* own_ = nullptr;
    SharedStates* shared_ = nullptr;
};

/// The states of all peers, locked where they are shared, as long as this object lives.
class States {
 public:
    explicit States(const Peers& peers)
        : shared_(peers.shared_), states_(shared_ != nullptr ? shared_->lock() : peers.own_) {}
    States(const States&) = delete;
    ~States() {
        if (shared_ != nullptr) shared_->unlock();
    }

    PeerState& of(const Group& group, size_t index) { return states_[group.first_state + index]; }

 private:
    SharedStates* shared_;
    PeerState* states_;
};

}  // namespace sluice::balance
