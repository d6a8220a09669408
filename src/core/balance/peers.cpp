// Peers: from servers to peers.
#include "core/balance/peers.h"

namespace sluice::balance {

namespace {

size_t count_addresses(std::span<const Server> servers, bool is_backup) {
    size_t count = 0;
    for (const Server& server : servers)
        if (server.is_backup == is_backup) count += server.addresses.size();
    return count;
}

void add_server(Group& group, std::span<Peer> room, size_t& filled, const Server& server) {
    for (const Address& address : server.addresses) {
        room[filled++] = {
            .address = address,
            .server = server.name,
            .weight = server.weight,
            .max_conns = server.max_conns,
            .max_fails = server.max_fails,
            .fail_timeout = server.fail_timeout,
            .is_down = server.is_down,
        };
        group.total_weight += server.weight;
        if (!server.is_down) ++group.up;
    }
}

void fill(Group& group, Arena& arena, std::span<const Server> servers, bool is_backup) {
    const std::span<Peer> room = arena.make_array<Peer>(count_addresses(servers, is_backup));
    size_t filled = 0;
    for (const Server& server : servers)
        if (server.is_backup == is_backup) add_server(group, room, filled, server);
    group.peers = room;
}

}  // namespace

Peers* Peers::make(Arena& arena, std::span<const Server> servers) {
    auto* made = new (arena.allocate(sizeof(Peers), alignof(Peers))) Peers;
    fill(made->primary_, arena, servers, false);
    fill(made->backup_, arena, servers, true);
    made->backup_.first_state = made->primary_.peers.size();
    made->own_ = arena.make_array<PeerState>(made->count()).data();
    made->reset(made->own_);
    return made;
}

void Peers::reset(PeerState* states) const {
    for (const Group* group : {&primary_, &backup_}) {
        for (const Peer& peer : group->peers) {
            *states = {};
            states++->effective_weight = peer.weight;
        }
    }
}

}  // namespace sluice::balance
