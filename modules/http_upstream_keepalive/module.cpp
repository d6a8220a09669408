// http_upstream_keepalive: how many connections to an upstream's servers are kept, and for how long.
//   upstream backend { server 127.0.0.1:3001;  keepalive 50;  keepalive_timeout 30s; }
#include <array>

#include <sluice/http/module.h>
#include <sluice/http/upstream/group.h>

namespace {

using namespace sluice;
using http::upstream::GroupConf;
using http::upstream::PoolSize;

Result<void> keepalive(conf::Parser& parser, Setting<PoolSize>& field, conf::Arguments words) {
    const auto refuse = [&](const conf::Token& word, Text kind) -> Result<void> {
        parser.point_at(word);
        return Error(parser.arena().concat("invalid ", kind, " \"", word.text, "\" in \"keepalive\" directive"));
    };
    const std::optional<uint64_t> number = text::parse_uint(words[0].text);
    if (!number || *number > UINT32_MAX) return refuse(words[0], "value");
    if (words.size() == 2 && words[1].text != "local") return refuse(words[1], "parameter");
    field.set({static_cast<uint32_t>(*number), words.size() == 2});
    return {};
}

constexpr conf::Contexts kUpstream = conf::Context::http_upstream;

constexpr std::array kDirectives{
    conf::custom<&GroupConf::keepalive, keepalive>("keepalive", {.where = kUpstream,
                                                                 .initial = "32 local",
                                                                 .help = "idle connections that each worker keeps",
                                                                 .arity = {1, 2},
                                                                 .syntax = "connections [local]"}),
    conf::directive<&GroupConf::keepalive_requests>(
        "keepalive_requests",
        {.where = kUpstream, .initial = "1000", .help = "requests on one connection to a server"}),
    conf::directive<&GroupConf::keepalive_time>(
        "keepalive_time", {.where = kUpstream, .initial = "1h", .help = "longest life of a kept connection"}),
    conf::directive<&GroupConf::keepalive_timeout>(
        "keepalive_timeout", {.where = kUpstream, .initial = "60s", .help = "how long an idle connection is kept"}),
};

constexpr http::Module kModule{.name = "http_upstream_keepalive", .directives = kDirectives};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
