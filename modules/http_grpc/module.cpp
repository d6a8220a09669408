// http_grpc: passes gRPC calls, or anything else by HTTP/2, to other servers.
//   location /pkg.Service/ { grpc_pass grpc://backend;  grpc_set_header Host $host; }
#include <algorithm>
#include <array>

#include <sluice/event/tls/client_family.h>
#include <sluice/http/module.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/upstream/exchange.h>
#include <sluice/http/upstream/family.h>
#include <sluice/http/upstream/field_protocol.h>
#include <sluice/http/uri/escape.h>

#include "conf.h"

namespace {

using namespace sluice;
using namespace sluice::grpc;
using conf::Arguments;
using conf::Parser;

class Grpc final : public http::upstream::FieldProtocol {
 public:
    explicit Grpc(const GrpcConf& conf) : FieldProtocol({.fields = *conf.fields, .most = conf.buffer_size->size()}) {}
    Text rewrite(http::upstream::Exchange&, const http::Field&) override { return {}; }
};

/// As the client sent it, unless a rewrite has changed it.
Text path_of(http::Request& request) {
    if (request.uri.data() == request.parsed_uri.data() && request.uri.size() == request.parsed_uri.size() &&
        request.args.data() == request.parsed_args.data())
        return request.unparsed_uri;
    Arena& arena = request.arena();
    const size_t size = http::uri::escaped_size(request.uri, http::uri::Escape::path);
    const Text path = http::uri::escape(request.uri, http::uri::Escape::path, arena.make_bytes(size));
    return request.args.empty() ? path : arena.concat(path, "?", request.args);
}

http::Verdict pass(http::Request& request) {
    const auto& conf = request.conf<GrpcConf>();
    const Target& target = **conf.target;
    Url url = target.parts;
    const http::upstream::Group* group = target.group;
    if (group == nullptr) {
        url = parse_url(target.url.evaluate(request));
        if (!url.error.empty()) {
            request.log().error(0, url.error, " in upstream \"", url.host, "\"");
            return http::Verdict::respond(500);
        }
        if (url.is_secure && conf.context->client() == nullptr) {
            request.log().error(0, "grpcs protocol requires SSL support");
            return http::Verdict::respond(500);
        }
        group = http::upstream::find_or_make_group(request, url.name, url.port);
        if (group == nullptr) return http::Verdict::respond(500);
    }
    auto& protocol = *request.arena().make<Grpc>(conf);
    protocol.method = request.method_name;
    protocol.scheme = url.is_secure ? "https" : "http";
    protocol.path = path_of(request);
    protocol.authority = url.name.starts_with("unix:") ? Text("localhost") : url.host;
    return http::upstream::Exchange::run(request, conf, protocol, *group,
                                         {.scheme = url.scheme,
                                          .uri = {},
                                          .host = protocol.authority,
                                          .tls = url.is_secure ? &conf : nullptr,
                                          .sessions = conf.sessions});
}

// --- configuration ---

Result<void> prepare_sessions(Parser& parser, const conf::Token& word) {
    const Result<const http::upstream::SharedSessions*> found = http::upstream::find_shared_sessions(parser);
    parser.point_at(word);
    if (!found) return found.error();
    if (*found != nullptr) return {};
    parser.suggest(parser.arena().copy(parser.environment().directives.advise("http2", conf::Context::http)));
    return Error("\"grpc_pass\" requires HTTP/2 support");
}

Result<void> grpc_pass(Parser& parser, Setting<const Target*>& field, Arguments words) {
    if (field.is_here()) return Error("\"grpc_pass\" directive is duplicate");
    auto& target = *parser.arena().make<Target>();
    Result<script::Complex> url = script::Complex::compile(parser, words[0]);
    if (!url) return url.error();
    target.url = *url;
    target.parts = parse_url(words[0].text);
    target.may_be_secure = target.parts.is_secure || url->source().starts_with('$');
    if (Result<void> prepared = prepare_sessions(parser, words[0]); !prepared) return prepared;
    if (target.may_be_secure) {
        if (Result<void> loaded = http::upstream::load_tls(parser, words[0], "grpcs", !url->is_constant()); !loaded)
            return loaded;
    }
    if (url->is_constant()) {
        const Url& parts = target.parts;
        parser.point_at(words[0]);
        if (!parts.error.empty())
            return Error(parser.arena().concat(parts.error, " in upstream \"", parts.host, "\""));
        auto& upstreams = *static_cast<http::upstream::Upstreams*>(
            parser.object(conf::slot_of<http::upstream::Upstreams>(), parser.scope()));
        Result<http::upstream::Group*> group = upstreams.refer(parser, parts.name, parts.port, words[0]);
        if (!group) return group.error();
        target.group = *group;
    }
    parser.conf<http::LocationConf>().content_handler.set(pass);
    field.set(&target);
    return {};
}

/// There is no cache here to be updated.
Result<void> next_upstream(Parser& parser, Setting<conf::Flags<http::upstream::Failure>>& field, Arguments words) {
    using Flags = conf::Flags<http::upstream::Failure>;
    for (const conf::Token& word : words) {
        if (word.text != "updating") continue;
        parser.point_at(word);
        return Error(parser.arena().concat("invalid value \"", word.text, "\""));
    }
    Flags flags = field.is_here() ? *field : Flags{};  // a second writing adds its values
    if (Result<void> parsed = conf::Value<Flags>::parse(parser, {}, words, flags); !parsed) return parsed;
    field.set(flags);
    return {};
}

constexpr std::array<Text, 7> kHidden{
    "Date",           "Server", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering",
    "X-Accel-Charset"};

Result<void> complete(Parser& parser, GrpcConf& conf, const GrpcConf* enclosing) {
    // What other families have directives for: calls may go on in both directions for hours, nothing is buffered.
    conf.pass_request_headers.value = conf.pass_request_body.value = true;
    conf.buffers.value = {8, {conf.buffer_size->count}};
    conf.can_buffer = false;
    if (Result<void> done = http::upstream::complete(parser, conf, "grpc_", kHidden); !done) return done;
    conf.prefix = "grpc_";
    event::tls::share_context(parser.arena(), conf, enclosing);
    if (*conf.target == nullptr) return {};
    const Result<const http::upstream::SharedSessions*> sessions = http::upstream::find_shared_sessions(parser);
    if (!sessions) return sessions.error();
    conf.sessions = *sessions;
    conf.alpn = conf.sessions->alpn;
    conf.fields = http::upstream::make_field_template(parser.arena(), *conf.set_headers);
    return (*conf.target)->may_be_secure ? http::upstream::make_tls_client(parser, conf) : Result<void>{};
}

using conf::custom;
using conf::directive;
using http::anywhere;
constexpr conf::Contexts kHandlers = conf::Context::http_location | conf::Context::http_location_if;

/// Those of the family that make sense here.
constexpr std::array<Text, 14> kTaken{
    "grpc_bind",        "grpc_socket_keepalive",    "grpc_socket_rcvbuf",         "grpc_socket_sndbuf",
    "grpc_buffer_size", "grpc_connect_timeout",     "grpc_send_timeout",          "grpc_read_timeout",
    "grpc_pass_header", "grpc_next_upstream_tries", "grpc_next_upstream_timeout", "grpc_ignore_headers",
    "grpc_hide_header", "grpc_intercept_errors"};

constexpr auto kFamily = [] {
    constexpr auto all = http::upstream::family<GrpcConf, "grpc_", "grpc_temp">();
    std::array<conf::Directive, kTaken.size()> taken{};
    size_t count = 0;
    for (const conf::Directive& row : all)
        if (std::find(kTaken.begin(), kTaken.end(), row.name) != kTaken.end()) taken[count++] = row;
    return taken;
}();
static_assert(!kFamily.back().name.empty());

constexpr auto kTls = event::tls::client_family<GrpcConf, "grpc_">(anywhere);

constexpr std::array kOwn{
    custom<&GrpcConf::target, grpc_pass>("grpc_pass", {.where = kHandlers,
                                                       .help = "the server that calls are passed to",
                                                       .arity = {1, 1},
                                                       .inherit = conf::Inherit::unnamed,
                                                       .syntax = "address"}),
    directive<&GrpcConf::set_headers>("grpc_set_header",
                                      {.where = anywhere, .help = "a field of the request to the upstream"}),
    custom<&GrpcConf::next_upstream, next_upstream, GrpcConf>(
        "grpc_next_upstream",
        {.where = anywhere,
         .initial = "error timeout",
         .help = "failures that lead to the next server",
         .arity = {1, conf::Arity::kMany},
         .may_repeat = true,
         .syntax = "error | timeout | denied | invalid_header | http_500 | http_502 | http_503 | "
                   "http_504 | http_403 | http_404 | http_429 | non_idempotent | off ..."}),
};

constexpr auto kDirectives = conf::in_one_table(kFamily, kTls, kOwn);

constexpr http::Module kModule{
    .name = "http_grpc",
    .location = http::conf_type<GrpcConf, complete>(),
    .directives = kDirectives,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
