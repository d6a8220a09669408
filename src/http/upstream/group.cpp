// Groups: referring to them, and what becomes of them when the configuration is complete.
#include "http/upstream/group.h"

#include "core/balance/round_robin.h"
#include "event/resolve_config.h"
#include "http/conf/http_conf.h"
#include "http/request.h"

namespace sluice::http::upstream {

conf::Slot GroupConf::slot;
conf::Slot Upstreams::slot;

namespace {

/// What holds for an address without a block.
const GroupConf& usual_conf() {
    static const GroupConf conf;
    return conf;
}

}  // namespace

Group& make_group(Arena& arena, Text host, const event::SocketAddress& address) {
    Group* group = arena.make<Group>();
    group->host = host;
    group->conf = &usual_conf();
    const std::span<balance::Address> addresses = arena.make_array<balance::Address>(1);
    addresses[0] = to_balance(arena, address);
    const balance::Server server{.name = host, .addresses = addresses};
    group->peers = balance::Peers::make(arena, {&server, 1});
    group->balancer = arena.make<balance::RoundRobin>(*group->peers);
    return *group;
}

const Group* find_or_make_group(Request& request, Text name, const PortChoice& port) {
    constexpr Text kUnix = "unix:";
    const bool is_unix = name.starts_with(kUnix);
    if (!is_unix) {
        const auto* upstreams = static_cast<const Upstreams*>(request.http().main_confs->find(Upstreams::slot));
        if (const Group* group = upstreams->find(name, port)) return group;
        if (port.number() == 0) {
            request.log().error(0, "no port in upstream \"", name, "\"");
            return nullptr;
        }
    }
    const auto address = is_unix ? event::SocketAddress::unix_path(name.substr(kUnix.size()))
                                 : event::SocketAddress::parse_ip(name, port.number());
    if (address) return &make_group(request.arena(), name, *address);
    request.log().error(0, "no resolver defined to resolve ", name);
    return nullptr;
}

balance::Address to_balance(Arena& arena, const event::SocketAddress& address) {
    balance::Address made;
    std::memcpy(&made.bytes, address.get(), address.length());
    made.length = address.length();
    made.name = address.text(arena);
    return made;
}

Group* Upstreams::find(Text host, const PortChoice& port) const {
    for (Group* group : groups) {
        if (!text::iequals(group->host, host)) continue;
        if (group->is_block ? port.given == 0 : group->port.number() == port.number()) return group;
    }
    return nullptr;
}

const Group* Upstreams::find_block(Text host) const {
    for (const Group* group : groups)
        if (group->is_block && text::iequals(group->host, host)) return group;
    return nullptr;
}

namespace {
Error refuse_port(Arena& arena, Text name, uint16_t port) {
    return Error(arena.concat("upstream \"", name, "\" may not have port ", std::to_string(port)));
}
}  // namespace

Group& Upstreams::add(conf::Parser& parser, Text host, const PortChoice& port, const conf::Place& place) {
    Group* made = parser.arena().make<Group>();
    made->host = host;
    made->port = port;
    made->at = place;
    groups.push_back(made);
    return *made;
}

Result<Group*> Upstreams::refer(conf::Parser& parser, Text host, const PortChoice& port, const conf::Token& word) {
    for (Group* group : groups) {
        if (!text::iequals(group->host, host)) continue;
        if (group->is_block && port.given != 0) {
            parser.point_at(word);
            return refuse_port(parser.arena(), host, port.given);
        }
        if (group->is_block || group->port == port) return group;
    }
    return &add(parser, host, port, parser.place_of(word));
}

Result<Group*> Upstreams::define(conf::Parser& parser, const conf::Token& name) {
    Group* made = nullptr;
    for (Group* group : groups) {
        if (!text::iequals(group->host, name.text)) continue;
        if (group->is_block) return Error(parser.arena().concat("duplicate upstream \"", name.text, "\""));
        if (group->port.given != 0) {
            parser.point_at(group->at);
            return refuse_port(parser.arena(), group->host, group->port.given);
        }
        made = group;
    }
    if (made == nullptr) made = &add(parser, name.text, {}, {});
    made->is_block = true;
    made->at = parser.place_of(parser.directive());
    return made;
}

Result<void> Upstreams::complete(conf::Parser& parser, Upstreams& upstreams, const Upstreams*) {
    for (Group* group : upstreams.groups) {
        const Group* block = group->is_block ? nullptr : upstreams.find_block(group->host);
        if (block != nullptr) continue;
        if (Result<void> settled = settle(parser, *group); !settled) return settled;
    }
    // By http:// and by https:// before its block: two groups then, one of which became the block.
    for (Group* group : upstreams.groups) {
        const Group* block = group->is_block ? nullptr : upstreams.find_block(group->host);
        if (block != nullptr) group->stand_for(*block);
    }
    return {};
}

Result<void> Upstreams::settle(conf::Parser& parser, Group& group) {
    std::vector<balance::Server> own;
    const std::vector<balance::Server>* servers = &own;
    if (group.is_block) {
        if (Result<void> settled = settle_block(parser, group); !settled) return settled;
        servers = &group.conf->servers;
    } else {
        if (Result<void> settled = settle_address(parser, group, own); !settled) return settled;
    }
    Arena& arena = parser.arena();
    group.peers = balance::Peers::make(arena, *servers);
    const BalancingMethod& method = *group.conf->method;
    group.balancer = method.make != nullptr ? method.make(arena, *group.peers, group)
                                            : arena.make<balance::RoundRobin>(*group.peers);
    group.pool = arena.make<Pool>(*group.conf);
    if (shm::Zone* zone = *group.conf->zone; zone != nullptr) {
        group.peers->share(*arena.make<ZoneStates>(*zone));
        zone->set_data(group.peers);
    }
    return {};
}

Result<void> Upstreams::settle_block(conf::Parser& parser, Group& group) {
    if (Result<void> settled = parser.settle(conf::Level::server, group.confs); !settled) return settled;
    group.conf = static_cast<const GroupConf*>(group.confs.find(conf::slot_of<GroupConf>()));
    bool has_primary = false;
    for (const balance::Server& server : group.conf->servers) has_primary |= !server.is_backup;
    if (has_primary) return {};
    parser.point_at(group.at);
    return Error(parser.arena().concat("no servers in upstream \"", group.host, "\""));
}

Result<void> Upstreams::settle_address(conf::Parser& parser, Group& group, std::vector<balance::Server>& servers) {
    group.conf = &usual_conf();
    // Some schemes have no port that would be the usual one.
    if (group.port.number() == 0 && !group.host.starts_with("unix:")) {
        parser.point_at(group.at);
        return Error(parser.arena().concat("no port in upstream \"", group.host, "\""));
    }
    Result<std::vector<event::SocketAddress>> found = event::resolve_upstream(group.host, group.port.number());
    if (!found) {
        parser.point_at(group.at);
        return found.error();
    }
    const std::span<balance::Address> addresses = parser.arena().make_array<balance::Address>(found->size());
    for (size_t i = 0; i < addresses.size(); ++i) addresses[i] = to_balance(parser.arena(), (*found)[i]);
    servers.push_back({.name = group.host, .addresses = addresses});
    return {};
}

}  // namespace sluice::http::upstream
