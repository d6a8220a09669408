// Group: the servers that a request may go to: an `upstream` block, or the one address that a proxy_pass names.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/balance/balancer.h"
#include "core/balance/peers.h"
#include "core/conf/parser.h"
#include "core/conf/setting.h"
#include "core/shm/zone.h"
#include "event/address.h"
#include "http/upstream/keepalive.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::upstream {

class Group;

/// Makes the balancer of a group when its peers are known; both live as long as the arena.
using MakeBalancer = const balance::Balancer* (*)(Arena& arena, const balance::Peers& peers, const Group& group);

/// The method of an `upstream` block: least_conn, ip_hash, …
struct BalancingMethod {
    MakeBalancer make = nullptr;  ///< null: round robin
    bool takes_backup = true;     ///< `server … backup` may be used with it
};

/// `keepalive N [local]`
struct PoolSize {
    uint32_t connections = 32;  ///< idle ones that a worker keeps; 0: none
    bool is_local = true;       ///< only used again by the location that made them
};

/// What an `upstream` block says. Modules add directives: least_conn, ip_hash, keepalive, …
struct GroupConf {
    static conf::Slot slot;

    std::vector<balance::Server> servers;
    Setting<BalancingMethod> method;
    Setting<PoolSize> keepalive;
    Setting<uint32_t> keepalive_requests{1000, conf::Origin::unset};
    Setting<Msec> keepalive_time{{3'600'000}, conf::Origin::unset};
    Setting<Msec> keepalive_timeout{{60'000}, conf::Origin::unset};
    Setting<shm::Zone*> zone;
};

/// The peers' states in a shared zone.
class ZoneStates final : public balance::SharedStates {
 public:
    explicit ZoneStates(shm::Zone& zone) : zone_(zone) {}
    balance::PeerState* lock() override {
        lock_.emplace(zone_);
        return lock_->root<balance::PeerState>();
    }
    void unlock() override { lock_.reset(); }

 private:
    shm::Zone& zone_;
    std::optional<shm::Lock> lock_;
};

/// The port of an address.
struct PortChoice {
    uint16_t given = 0;   ///< 0: none
    uint16_t usual = 80;  ///< of the scheme
    uint16_t number() const { return given != 0 ? given : usual; }
    bool operator==(const PortChoice&) const = default;
};

class Group {
 public:
    Text host;        ///< the block's name, or host or address without port; log lines print it
    PortChoice port;  ///< of a block, none
    bool is_block = false;
    conf::Place at;       ///< where it is first named
    conf::ConfSet confs;  ///< level server, of a block
    const GroupConf* conf = nullptr;
    balance::Peers* peers = nullptr;
    const balance::Balancer* balancer = nullptr;
    Pool* pool = nullptr;  ///< idle connections of this worker; null: none are kept

    /// Shares all that `block` has.
    void stand_for(const Group& block) {
        conf = block.conf;
        peers = block.peers;
        balancer = block.balancer;
        pool = block.pool;
    }
};

/// All groups of a configuration; http_upstream's struct of level main.
struct Upstreams {
    static conf::Slot slot;

    std::vector<Group*> groups;

    /// The group that `host` names, made now if it is not known yet: its block may follow. `word`: where it stands.
    /// An error when there is a block of that name and a port.
    Result<Group*> refer(conf::Parser& parser, Text host, const PortChoice& port, const conf::Token& word);
    /// The group of a block that begins now. An error when there is one, or when somebody gave its name a port.
    Result<Group*> define(conf::Parser& parser, const conf::Token& name);
    /// For addresses that only a request tells; null when there is none.
    Group* find(Text host, const PortChoice& port) const;
    /// Once the configuration was read: looks addresses up, makes peers, balancers and pools.
    static Result<void> complete(conf::Parser& parser, Upstreams& upstreams, const Upstreams* enclosing);

 private:
    Group& add(conf::Parser& parser, Text host, const PortChoice& port, const conf::Place& place);
    const Group* find_block(Text host) const;
    static Result<void> settle(conf::Parser& parser, Group& group);
    static Result<void> settle_block(conf::Parser& parser, Group& group);
    static Result<void> settle_address(conf::Parser& parser, Group& group, std::vector<balance::Server>& servers);
};

/// The group of an address that only a request tells: one that the configuration knows, else one of its own, which
/// lives in the request's arena and keeps no connections. `name`: without port, or "unix:/path". Null: impossible,
/// logged.
const Group* find_or_make_group(Request& request, Text name, const PortChoice& port);
Group& make_group(Arena& arena, Text host, const event::SocketAddress& address);

/// Addresses as the balancer keeps them.
balance::Address to_balance(Arena& arena, const event::SocketAddress& address);
}  // namespace sluice::http::upstream
