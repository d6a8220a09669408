// The `events` block and its rows.
#include <netdb.h>

#include "core/conf/parser.h"
#include "cycle/events_conf.h"
#include "cycle/modules.h"

namespace sluice::cycle {

conf::Slot EventsConf::slot;
conf::Slot EventsBlock::slot;

namespace {

using conf::Arguments;
using conf::Context;
using conf::Parser;

Result<void> parse_events(Parser& parser, EventsBlock& block, Arguments) {
    if (block.is_written) return Error("\"events\" directive is duplicate");
    block.is_written = true;
    conf::Scope inner;
    inner.context = Context::events;
    inner.sets[static_cast<size_t>(conf::Level::main)] = &block.set;
    return parser.parse_block(inner);
}

Result<void> parse_connections(Parser& parser, Setting<uint32_t>& field, Arguments words) {
    const std::optional<uint64_t> number = text::parse_uint(words[0].text);
    parser.point_at(words[0]);
    if (!number || *number > INT32_MAX) {
        return Error(parser.arena().concat("invalid number \"", words[0].text, "\""));
    }
    field.set(static_cast<uint32_t>(*number));
    return {};
}

struct Method {
    Text name;
    event::BackendKind kind;
};
/// What nginx offers on this system, and ours. Waiting by select or poll has no advantage left.
constexpr std::array kMethods{
    Method{"io_uring", event::BackendKind::io_uring},
    Method{"epoll", event::BackendKind::epoll},
    Method{"poll", event::BackendKind::epoll},
    Method{"select", event::BackendKind::epoll},
};

Result<void> parse_use(Parser& parser, Setting<event::BackendKind>& field, Arguments words) {
    parser.point_at(words[0]);
    for (const Method& method : kMethods) {
        if (method.name != words[0].text) continue;
        const std::string reason = event::why_not(method.kind);
        if (!reason.empty()) {
            return Error(parser.arena().concat("event type \"", method.name, "\" does not work here: ", reason));
        }
        field.set(method.kind);
        return {};
    }
    parser.suggest("it can be \"io_uring\" or \"epoll\"; without it the best that works here is taken");
    return Error(parser.arena().concat("invalid event type \"", words[0].text, "\""));
}

/// All addresses of a name, as nginx resolves it while it reads the configuration.
Result<void> add_host(Parser& parser, EventsConf& conf, Text name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string host(name);
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        return Error(parser.arena().concat("host not found in debug_connection \"", name, "\""));
    }
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        const event::SocketAddress address(one->ai_addr, one->ai_addrlen);
        conf.debug_connections.push_back(event::Cidr::of(address));
    }
    ::freeaddrinfo(found);
    return {};
}

Result<void> add_debug_connection(Parser& parser, EventsConf& conf, Arguments words) {
    const Text word = words[0].text;
    parser.point_at(words[0]);
    if (SLUICE_DEBUG == 0) {
        parser.warn(
            "\"debug_connection\" is ignored, you need to rebuild the server using --with-debug option to "
            "enable it");
    }
    bool has_low_bits = false;
    std::optional<event::Cidr> range = event::Cidr::parse(word, &has_low_bits);
    if (word == "unix:") range = event::Cidr::unix_sockets();
    if (!range) return add_host(parser, conf, word);
    if (has_low_bits) parser.warn(parser.arena().concat("low address bits of ", word, " are meaningless"));
    conf.debug_connections.push_back(*range);
    return {};
}

constexpr conf::Contexts kEvents = Context::events;

constexpr std::array kBlockRows{
    conf::block<EventsBlock, parse_events>("events",
                                           {.where = Context::main, .help = "how connections are processed"}),
};

constexpr std::array kEventRows{
    conf::custom<&EventsConf::worker_connections, parse_connections>(
        "worker_connections", {.where = kEvents,
                               .initial = "512",
                               .help = "most connections of a worker, those to upstreams included",
                               .arity = {1, 1},
                               .syntax = "number"}),
    conf::custom<&EventsConf::use, parse_use>("use", {.where = kEvents,
                                                      .help = "event method: io_uring or epoll [what works best]",
                                                      .arity = {1, 1},
                                                      .syntax = "method"}),
    conf::directive<&EventsConf::multi_accept>(
        "multi_accept",
        {.where = kEvents, .initial = "off", .help = "whether a worker accepts all waiting connections at once"}),
    conf::directive<&EventsConf::accept_mutex>(
        "accept_mutex", {.where = kEvents, .initial = "off", .help = "whether workers accept connections by turns"}),
    conf::directive<&EventsConf::accept_mutex_delay>(
        "accept_mutex_delay", {.where = kEvents,
                               .initial = "500ms",
                               .help = "how soon a worker asks again for its turn to accept, or for descriptors"}),
    conf::action<EventsConf, add_debug_connection>("debug_connection",
                                                   {.where = kEvents,
                                                    .help = "clients whose lines are logged at level debug",
                                                    .arity = {1, 1},
                                                    .syntax = "address | CIDR | unix:"}),
};

constexpr std::array kEpollRows{
    conf::directive<&EventsConf::epoll_events>(
        "epoll_events", {.where = kEvents, .initial = "512", .help = "accepted for compatibility"}),
    conf::directive<&EventsConf::worker_aio_requests>(
        "worker_aio_requests", {.where = kEvents, .initial = "32", .help = "accepted for compatibility"}),
};

/// nginx.conf files travel between systems; what only another system can do is no reason not to start.
Result<void> ignore_foreign(Parser& parser, EventsConf&, Arguments) {
    parser.warn(parser.arena().concat("\"", parser.directive().text, "\" is ignored: it is for another system"));
    return {};
}

constexpr conf::Directive foreign(Text name) {
    return conf::action<EventsConf, ignore_foreign>(name, {.where = kEvents,
                                                           .help = "accepted: for another system's event method",
                                                           .arity = {1, 1},
                                                           .syntax = "number"});
}

constexpr std::array kForeignRows{
    foreign("devpoll_changes"), foreign("devpoll_events"), foreign("eventport_events"), foreign("kqueue_changes"),
    foreign("kqueue_events"),   foreign("iocp_threads"),   foreign("post_acceptex"),    foreign("acceptex_read"),
};

}  // namespace

constinit const module::Descriptor kEventsModule{
    .name = "events",
    .family = module::Family::core,
    .directives = kBlockRows,
    .conf_types = {conf::conf_type<EventsBlock>()},
};
constinit const module::Descriptor kEventCoreModule{
    .name = "event_core",
    .family = module::Family::events,
    .directives = kEventRows,
    .conf_types = {conf::conf_type<EventsConf>()},
};
constinit const module::Descriptor kEpollModule{
    .name = "epoll", .family = module::Family::events, .directives = kEpollRows, .conf_types = {}};
constinit const module::Descriptor kForeignEventsModule{
    .name = "foreign_events", .family = module::Family::events, .directives = kForeignRows, .conf_types = {}};

}  // namespace sluice::cycle
