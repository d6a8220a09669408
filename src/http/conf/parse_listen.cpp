// listen: address, port and parameters; and how addresses become sockets.
#include <algorithm>

#include <netdb.h>
#include <unistd.h>

#include "event/resolve_config.h"
#include "http/conf/core_parsers.h"

namespace sluice::http::parse {

namespace {

struct Listen {
    event::ListenOptions options;
    ListenFlags flags;
};

Result<void> invalid_parameter(Parser& parser, const conf::Token& word) {
    parser.point_at(word);
    return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
}

/// so_keepalive=on|off|[idle]:[interval]:[count], or the first alone. At least one of them must say something.
Result<void> parse_keepalive(Parser& parser, const conf::Token& word, Text value, event::ListenOptions& options) {
    using KeepAlive = event::ListenOptions::KeepAlive;
    if (value == "on" || value == "off") {
        options.keep_alive = value == "on" ? KeepAlive::on : KeepAlive::off;
        return {};
    }
    const auto invalid = [&]() -> Result<void> {
        parser.point_at(word);
        return Error(parser.arena().concat("invalid so_keepalive value: \"", value, "\""));
    };
    if (std::count(value.begin(), value.end(), ':') > 2) return invalid();
    Text rest = value;
    const std::array<int*, 3> parts{&options.keep_idle, &options.keep_interval, &options.keep_count};
    for (size_t i = 0; i < parts.size(); ++i) {
        const Text part = text::split_off(rest, ':');
        if (part.empty()) continue;
        Seconds seconds;
        conf::Token token = word;
        token.text = part;
        conf::Directive row{};
        row.name = "listen";
        const bool is_count = i == 2;
        const std::optional<uint64_t> count = text::parse_uint(part);
        if (is_count ? !count : !conf::parse::seconds(parser, row, token, seconds).ok()) return invalid();
        *parts[i] = static_cast<int>(is_count ? static_cast<int64_t>(*count) : seconds.count);
    }
    if (std::all_of(parts.begin(), parts.end(), [](const int* part) { return *part == 0; })) return invalid();
    options.keep_alive = KeepAlive::on;
    return {};
}

/// The module that encrypts may be needed although none of its directives stands in front of `listen`.
Result<void> listen_ssl(Parser& parser, const conf::Token& word, Text, Listen& listen) {
    const auto known = parser.environment().directives.find("ssl_certificate", conf::Context::http_server);
    if (!known) return known.error();
    if (known->empty()) {
        parser.point_at(word);
        return Error("the \"ssl\" parameter requires ngx_http_ssl_module");
    }
    listen.flags.is_ssl = true;
    return {};
}

/// The parameter is older than the directive, and loads the same module.
Result<void> listen_http2(Parser& parser, const conf::Token& word, Text, Listen& listen) {
    const auto known = parser.environment().directives.find("http2", conf::Context::http_server);
    if (!known) return known.error();
    if (known->empty()) {
        parser.point_at(word);
        return Error("the \"http2\" parameter requires the http_v2 module");
    }
    parser.warn("the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead");
    listen.flags.is_http2 = true;
    return {};
}

using ParameterParser = Result<void> (*)(Parser&, const conf::Token&, Text value, Listen&);

Result<void> positive(Parser& parser, const conf::Token& word, Text value, Text what, int& out) {
    const std::optional<uint64_t> number = text::parse_uint(value);
    if (number && *number > 0 && *number <= INT32_MAX) {
        out = static_cast<int>(*number);
        return {};
    }
    parser.point_at(word);
    return Error(parser.arena().concat("invalid ", what, " \"", word.text, "\""));
}

Result<void> buffer_size(Parser& parser, const conf::Token& word, Text value, Text what, int& out) {
    conf::Token token = word;
    token.text = value;
    conf::Directive row{};
    row.name = "listen";
    Bytes size;
    if (conf::parse::bytes(parser, row, token, size).ok()) {
        out = static_cast<int>(size.count);
        return {};
    }
    parser.point_at(word);
    return Error(parser.arena().concat("invalid ", what, " \"", word.text, "\""));
}

struct Parameter {
    Text name;             ///< with "=" when a value follows
    bool concerns_socket;  ///< may be given for an address only once
    ParameterParser parse;
};

constexpr std::array kParameters{
    Parameter{"default_server", false,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  return l.flags.is_default = true, Result<void>();
              }},
    Parameter{"default", false,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  return l.flags.is_default = true, Result<void>();
              }},
    Parameter{"ssl", false, listen_ssl},
    Parameter{"http2", false, listen_http2},
    Parameter{"proxy_protocol", false,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  return l.flags.wants_proxy_protocol = true, Result<void>();
              }},
    Parameter{"bind", true,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  return l.options.binds_alone = true, Result<void>();
              }},
    Parameter{"deferred", true,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  l.options.deferred = l.options.binds_alone = true;
                  return {};
              }},
    Parameter{"reuseport", true,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  l.options.reuse_port = l.options.binds_alone = true;
                  return {};
              }},
    Parameter{"multipath", true,
              [](Parser&, const conf::Token&, Text, Listen& l) -> Result<void> {
                  l.options.multipath = l.options.binds_alone = true;
                  return {};
              }},
    Parameter{"accept_filter=", true,
              [](Parser& parser, const conf::Token& word, Text, Listen&) -> Result<void> {
                  parser.warn(parser.arena().concat("accept filters \"", word.text,
                                                    "\" are not supported on this platform, ignored"));
                  return {};
              }},
    Parameter{"fastopen=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  l.options.binds_alone = true;
                  if (value == "0") return l.options.fast_open = 0, Result<void>();
                  return positive(parser, word, value, "fastopen", l.options.fast_open);
              }},
    Parameter{"backlog=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  l.options.binds_alone = true;
                  return positive(parser, word, value, "backlog", l.options.backlog);
              }},
    Parameter{"rcvbuf=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  l.options.binds_alone = true;
                  return buffer_size(parser, word, value, "rcvbuf", l.options.receive_buffer);
              }},
    Parameter{"sndbuf=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  l.options.binds_alone = true;
                  return buffer_size(parser, word, value, "sndbuf", l.options.send_buffer);
              }},
    Parameter{"ipv6only=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  if (value != "on" && value != "off") {
                      if (!value.starts_with('o')) return invalid_parameter(parser, word);
                      parser.point_at(word);
                      return Error(parser.arena().concat("invalid ipv6only flags \"", value, "\""));
                  }
                  l.options.ipv6_only = value == "on";
                  l.options.binds_alone = true;
                  return {};
              }},
    Parameter{"so_keepalive=", true,
              [](Parser& parser, const conf::Token& word, Text value, Listen& l) -> Result<void> {
                  l.options.binds_alone = true;
                  return parse_keepalive(parser, word, value, l.options);
              }},
};

Result<void> parse_parameter(Parser& parser, const conf::Token& word, Listen& listen) {
    for (const Parameter& parameter : kParameters) {
        const bool takes_value = parameter.name.ends_with('=');
        if (takes_value ? !word.text.starts_with(parameter.name) : word.text != parameter.name) continue;
        if (parameter.concerns_socket) listen.options.was_written = true;
        return parameter.parse(parser, word, word.text.substr(parameter.name.size()), listen);
    }
    return invalid_parameter(parser, word);
}

/// Ports of one family and number share a socket when a wildcard is among them and nobody asks for a socket of its
/// own.
bool can_share(const Endpoint& endpoint, const event::SocketAddress& address) {
    return endpoint.address.family() == address.family() && !address.is_unix() &&
           endpoint.address.port() == address.port();
}

Result<void> merge(Parser& parser, Address& address, Server& server, const Listen& listen, const conf::Token& word) {
    if (std::find(address.servers.begin(), address.servers.end(), &server) != address.servers.end())
        return Error(parser.arena().concat("a duplicate listen ", address.text));
    if (listen.options.was_written) {
        if (address.options.was_written) {
            parser.point_at(word);
            return Error(parser.arena().concat("duplicate listen options for ", address.text));
        }
        address.options = listen.options;
    }
    if (listen.flags.is_default) {
        if (address.flags.is_default) {
            parser.point_at(word);
            return Error(parser.arena().concat("a duplicate default server for ", address.text));
        }
        address.default_server = &server;
        address.flags.is_default = true;
    }
    address.flags.is_ssl |= listen.flags.is_ssl;
    address.flags.is_http2 |= listen.flags.is_http2;
    address.flags.wants_proxy_protocol |= listen.flags.wants_proxy_protocol;
    address.servers.push_back(&server);
    return {};
}

Result<void> add(Parser& parser, Server& server, const event::SocketAddress& where, const Listen& listen,
                 const conf::Token& word) {
    auto& http = parser.conf<HttpConf>();
    for (const auto& endpoint : http.endpoints)
        for (const auto& address : endpoint->addresses)
            if (address->address == where) return merge(parser, *address, server, listen, word);

    auto address = std::make_unique<Address>();
    address->address = where;
    address->text = where.text(parser.arena());
    address->flags = listen.flags;
    address->options = listen.options;
    address->default_server = &server;
    address->servers.push_back(&server);
    // Every address begins as an endpoint of its own; share_endpoints() joins them when all are known.
    Endpoint& endpoint = *http.endpoints.emplace_back(std::make_unique<Endpoint>());
    endpoint.address = where;
    endpoint.options = listen.options;
    endpoint.addresses.push_back(std::move(address));
    return {};
}

}  // namespace

Result<void> listen(Parser& parser, ServerConf& conf, Arguments words) {
    Server& server = *conf.server;
    Result<std::vector<event::SocketAddress>> addresses =
        event::resolve_listen(words[0].text, parser.conf<HttpConf>().default_port);
    if (!addresses) {
        parser.point_at(words[0]);
        return addresses.error();
    }
    Listen listen;
    for (const conf::Token& word : words.subspan(1))
        if (Result<void> parsed = parse_parameter(parser, word, listen); !parsed) return parsed;
    server.has_listen = true;
    for (const event::SocketAddress& address : *addresses)
        if (Result<void> added = add(parser, server, address, listen, words[0]); !added) return added;
    return {};
}

Result<void> listen_by_default(Parser& parser, Server& server) {
    const uint16_t port = ::geteuid() == 0 ? 80 : 8000;
    server.has_listen = true;
    return add(parser, server, event::SocketAddress::ipv4(INADDR_ANY, port), Listen{}, parser.directive());
}

void share_endpoints(HttpConf& http) {
    for (auto& wildcard : http.endpoints) {
        if (wildcard == nullptr || !wildcard->address.is_wildcard()) continue;
        for (auto& other : http.endpoints) {
            if (other == nullptr || other == wildcard || !can_share(*wildcard, other->address)) continue;
            if (other->options.binds_alone) continue;
            wildcard->addresses.insert(wildcard->addresses.end() - 1, std::move(other->addresses.front()));
            other = nullptr;
        }
    }
    std::erase(http.endpoints, nullptr);
    for (auto& endpoint : http.endpoints) endpoint->options = endpoint->addresses.back()->options;
}

}  // namespace sluice::http::parse
