// http_upstream: the `upstream` block with its servers and zone.
#include "http/module.h"

#include <array>

#include "core/shm/zones.h"
#include "event/resolve_config.h"
#include "http/modules.h"
#include "http/upstream/exchange.h"
#include "http/upstream/group.h"
#include "http/upstream/variables.h"

namespace sluice::http {

namespace upstream {
namespace {

using conf::Arguments;
using conf::Context;
using conf::Parser;

Result<void> upstream_block(Parser& parser, Upstreams& upstreams, Arguments words) {
    Result<Group*> defined = upstreams.define(parser, words[0]);
    if (!defined) return defined.error();
    Group& group = **defined;
    conf::Scope inner = parser.scope();
    inner.context = Context::http_upstream;
    inner.enclosing = &parser.scope();
    inner.sets[static_cast<size_t>(conf::Level::server)] = &group.confs;
    const auto& conf = parser.conf<GroupConf>(inner);
    if (Result<void> read = parser.parse_block(inner); !read) return read;
    return conf.servers.empty() ? Result<void>(Error("no servers are inside upstream")) : Result<void>{};
}

Result<void> invalid_parameter(Parser& parser, const conf::Token& word) {
    parser.point_at(word);
    return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
}

/// The number behind "name="; false when the word is not of that name. `fits` tells whether it is one.
bool take_number(Text word, Text name, uint32_t& out, bool& fits) {
    if (!word.starts_with(name)) return false;
    const std::optional<uint64_t> number = text::parse_uint(word.substr(name.size()));
    fits = number && *number <= UINT32_MAX;
    if (fits) out = static_cast<uint32_t>(*number);
    return true;
}

Result<void> server_parameter(Parser& parser, GroupConf& group, balance::Server& server, const conf::Token& word) {
    bool fits = true;
    if (take_number(word.text, "weight=", server.weight, fits)) {
        if (!fits || server.weight == 0) return invalid_parameter(parser, word);
        return {};
    }
    if (take_number(word.text, "max_conns=", server.max_conns, fits) ||
        take_number(word.text, "max_fails=", server.max_fails, fits))
        return fits ? Result<void>{} : invalid_parameter(parser, word);
    if (word.text.starts_with("fail_timeout=")) {
        const std::optional<Seconds> time = conf::parse::to_seconds(word.text.substr(13));
        if (!time) return invalid_parameter(parser, word);
        server.fail_timeout = *time;
        return {};
    }
    if (word.text == "backup") {
        parser.point_at(word);
        if (!group.method->takes_backup) return Error("balancing method does not support parameter \"backup\"");
        server.is_backup = true;
        return {};
    }
    if (word.text != "down") return invalid_parameter(parser, word);
    server.is_down = true;
    return {};
}

Result<void> server_line(Parser& parser, GroupConf& group, Arguments words) {
    balance::Server server;
    server.name = words[0].text;
    for (const conf::Token& word : words.subspan(1))
        if (Result<void> taken = server_parameter(parser, group, server, word); !taken) return taken;
    Result<std::vector<event::SocketAddress>> found = event::resolve_upstream(words[0].text, 80);
    if (!found) {
        parser.point_at(words[0]);
        return found.error();
    }
    const std::span<balance::Address> addresses = parser.arena().make_array<balance::Address>(found->size());
    for (size_t i = 0; i < addresses.size(); ++i) addresses[i] = to_balance(parser.arena(), (*found)[i]);
    server.addresses = addresses;
    group.servers.push_back(server);
    return {};
}

Result<void> fill_zone(shm::Lock& lock, void* data) {
    if (data == nullptr) return {};  // a later `zone` of the same upstream has taken its place
    const auto& peers = *static_cast<const balance::Peers*>(data);
    void* memory = lock.allocate(sizeof(balance::PeerState) * std::max<size_t>(peers.count(), 1));
    if (memory == nullptr) return Error("upstream zone \"" + lock.zone().name() + "\" is too small");
    auto* states = static_cast<balance::PeerState*>(memory);
    for (size_t i = 0; i < peers.count(); ++i) new (states + i) balance::PeerState{};
    peers.reset(states);
    lock.set_root(states);
    return {};
}

Result<void> zone(Parser& parser, Setting<shm::Zone*>& field, Arguments words) {
    Bytes size{0};
    if (words[0].text.empty()) return Error("invalid zone name \"\"");
    if (words.size() == 2) {
        const std::optional<Bytes> parsed = conf::parse::to_bytes(words[1].text);
        parser.point_at(words[1]);
        if (!parsed) return Error(parser.arena().concat("invalid zone size \"", words[1].text, "\""));
        if (parsed->count < shm::kSmallestZone.count)
            return Error(parser.arena().concat("zone \"", words[0].text, "\" is too small"));
        size = *parsed;
    }
    Result<shm::Zone*> made = parser.environment().zones.add(
        words[0].text, size, {.user = "upstream", .prepare = fill_zone, .is_always_new = true});
    if (!made) return made.error();
    if (*made != nullptr && (*made)->data() != nullptr) return Error("the zone is used by another upstream");
    field.set(*made);
    return {};
}

constexpr std::array kDirectives{
    block<Upstreams, upstream_block>("upstream", {.where = Context::http,
                                                  .help = "a group of servers to pass requests to",
                                                  .arity = {1, 1},
                                                  .syntax = "name"}),
    action<GroupConf, server_line>("server", {.where = Context::http_upstream,
                                              .help = "a server of the group",
                                              .arity = {1, conf::Arity::kMany},
                                              .syntax = "address [parameters]"}),
    custom<&GroupConf::zone, zone>("zone", {.where = Context::http_upstream,
                                            .help = "shares the servers' state among workers",
                                            .arity = {1, 2},
                                            .inherit = conf::Inherit::never,
                                            .may_repeat = true,
                                            .syntax = "name [size]"}),
};

constexpr Module kModule{
    .name = "http_upstream",
    .main = conf_type<Upstreams, &Upstreams::complete>(),
    .server = conf_type<GroupConf>(),
    .directives = kDirectives,
    .variables = std::span<const Variable>(kVariables),
    .state = state_type<Exchange>(),
    .worker_stopping = close_idle_connections,
};

}  // namespace
}  // namespace upstream

constinit const module::Descriptor kUpstreamModule = describe(upstream::kModule);

}  // namespace sluice::http
