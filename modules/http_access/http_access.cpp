// http_access: lets clients in or not by their address; the first rule that fits decides.
//   allow 192.168.1.0/24;  deny all;
#include <sluice/sdk.h>

namespace {

using namespace sluice;
using http::Verdict;

struct Rule {
    std::optional<event::Cidr> range;  ///< nothing: all
    bool allows = false;
};

struct Conf {
    Setting<conf::Sequence<Rule>> rules;
};

template <bool allows>
Result<void> parse_rule(conf::Parser& parser, Setting<conf::Sequence<Rule>>& rules, conf::Arguments words) {
    const Text word = words[0].text;
    Rule rule{.range = {}, .allows = allows};
    if (word == "unix:") {
        rule.range = event::Cidr::unix_sockets();
    } else if (word != "all") {
        bool has_low_bits = false;
        rule.range = event::Cidr::parse(word, &has_low_bits);
        if (!rule.range) {
            parser.point_at(words[0]);
            return Error(parser.arena().concat("invalid parameter \"", word, "\""));
        }
        if (has_low_bits) parser.warn(parser.arena().concat("low address bits of ", word, " are meaningless"));
    }
    conf::Sequence<Rule> list = rules.is_here() ? *rules : conf::Sequence<Rule>{};
    list.append(parser.arena(), rule);
    rules.set(list);
    return {};
}

constexpr conf::Contexts kWhere = http::anywhere | conf::Context::http_limit_except;
constexpr conf::Options options(Text help) {
    return {
        .where = kWhere, .help = help, .arity = {1, 1}, .may_repeat = true, .syntax = "address | CIDR | unix: | all"};
}

constexpr std::array kDirectives{
    conf::custom<&Conf::rules, parse_rule<true>>("allow", options("lets clients of an address in")),
    conf::custom<&Conf::rules, parse_rule<false>>("deny", options("refuses clients of an address")),
};

Verdict check(http::Request& request) {
    const event::SocketAddress peer = request.connection().peer().socket_address();
    for (const Rule& rule : *request.conf<Conf>().rules) {
        if (rule.range && !rule.range->contains(peer)) continue;
        if (rule.allows) return Verdict::pass();
        // With `satisfy any` another handler may still let the client in: the last word is logged there.
        if (*request.conf<http::LocationConf>().satisfy == http::Satisfy::all)
            request.log().error(0, "access forbidden by rule");
        return Verdict::respond(403);
    }
    return Verdict::decline();
}

constexpr std::array kPhases{http::PhaseHandler{http::Phase::access, check, 10}};

constexpr http::Module kModule{
    .name = "http_access",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
