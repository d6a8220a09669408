// http_upstream_ip_hash: the same client always to the same server.
//   upstream backend { ip_hash;  server 127.0.0.1:3001;  server 127.0.0.1:3002; }
#include <array>

#include <sluice/core/balance/ip_hash.h>
#include <sluice/http/module.h>
#include <sluice/http/request.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/upstream/group.h>

namespace {

using namespace sluice;
using http::upstream::GroupConf;

Text client_address(script::Subject& subject) {
    return static_cast<http::Request&>(subject).connection().peer().ip_bytes();
}

Result<void> ip_hash(conf::Parser& parser, GroupConf& group, conf::Arguments) {
    if (group.method.is_here()) parser.warn("load balancing method redefined");
    group.method.set({.make = [](Arena& arena, const balance::Peers& peers, const http::upstream::Group&)
                          -> const balance::Balancer* { return arena.make<balance::IpHash>(peers, client_address); },
                      .takes_backup = false});
    return {};
}

constexpr std::array kDirectives{
    conf::action<GroupConf, ip_hash>(
        "ip_hash", {.where = conf::Context::http_upstream, .help = "chooses the server by the client's address"}),
};

constexpr http::Module kModule{.name = "http_upstream_ip_hash", .directives = kDirectives};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
