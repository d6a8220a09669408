// http_upstream_least_conn: to the server with the fewest connections in proportion to its weight.
//   upstream backend { least_conn;  server 127.0.0.1:3001;  server 127.0.0.1:3002; }
#include <array>

#include <sluice/core/balance/least_conn.h>
#include <sluice/http/module.h>
#include <sluice/http/upstream/group.h>

namespace {

using namespace sluice;
using http::upstream::GroupConf;

Result<void> least_conn(conf::Parser& parser, GroupConf& group, conf::Arguments) {
    if (group.method.is_here()) parser.warn("load balancing method redefined");
    group.method.set({.make = [](Arena& arena, const balance::Peers& peers, const http::upstream::Group&)
                          -> const balance::Balancer* { return arena.make<balance::LeastConn>(peers); },
                      .takes_backup = true});
    return {};
}

constexpr std::array kDirectives{
    conf::action<GroupConf, least_conn>(
        "least_conn", {.where = conf::Context::http_upstream, .help = "chooses the server with fewest connections"}),
};

constexpr http::Module kModule{.name = "http_upstream_least_conn", .directives = kDirectives};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
