// http_proxy: passes requests to other servers.
//   location /api/ { proxy_pass http://backend/v1/;  proxy_set_header Host $host; }
#include <algorithm>
#include <array>

#include <sluice/event/tls/client_family.h>
#include <sluice/http/conf/http_conf.h>
#include <sluice/http/core_variables.h>
#include <sluice/http/module.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/upstream/family.h>

#include "config.h"  // the default path of temporary files
#include "http1.h"
#include "http2.h"

namespace {

using namespace sluice;
using namespace sluice::proxy;
using conf::Arguments;
using conf::Parser;

/// What a request was proxied to, for the variables, and where that was: elsewhere it means nothing.
struct State {
    const http::Location* location = nullptr;
    Text host;
    uint16_t port = 0;  ///< 0: there is none
};

/// What is sent instead of the client's body must not have that behind it, and HTTP/1.0 has no chunks.
bool collects_body(const http::Request& request, const ProxyConf& conf) {
    return conf.set_body.is_set() ||
           (*conf.http_version == HttpVersion::v10 && request.body.framing != http::RequestBody::Framing::length);
}

http::Verdict proxy(http::Request& request) {
    const auto& conf = request.conf<ProxyConf>();
    const Target& target = **conf.target;
    Url url = target.parts;
    const http::upstream::Group* group = target.group;
    if (group == nullptr) {
        const Text text = target.url.evaluate(request);
        url = parse_url(text);
        if (!url.error.empty()) {
            const Text where = url.scheme.empty() ? " in \"" : " in upstream \"";
            request.log().error(0, url.error, where, text.substr(url.scheme.size()), "\"");
            return http::Verdict::respond(500);
        }
        if (url.is_secure && conf.context->client() == nullptr) {
            request.log().error(0, "https protocol requires SSL support");
            return http::Verdict::respond(500);
        }
    }
    // Known to the log even where the name leads nowhere.
    request.make_state<State>() = {&request.location(), url.host,
                                   url.name.starts_with("unix:") ? uint16_t{0} : url.port_choice().number()};
    if (group == nullptr) group = http::upstream::find_or_make_group(request, url.name, url.port_choice());
    if (group == nullptr) return http::Verdict::respond(502);
    const bool is_unchanged = request.uri.data() == request.parsed_uri.data() &&
                              request.uri.size() == request.parsed_uri.size() &&
                              request.args.data() == request.parsed_args.data();
    const Text uri = make_uri(request.arena(), {.target = url.uri,
                                                .is_evaluated = target.group == nullptr,
                                                .unparsed = is_unchanged ? request.unparsed_uri : Text{},
                                                .uri = request.uri,
                                                .args = request.args,
                                                .replaced = target.location_length,
                                                .ignores_target = request.uri.data() != request.located_uri.data()});
    const http::upstream::Destination destination{.scheme = url.scheme,
                                                  .uri = uri,
                                                  .host = url.host,
                                                  .tls = url.is_secure ? &conf : nullptr,
                                                  .sessions = conf.sessions,
                                                  .needs_alpn = true,
                                                  .collects_body = collects_body(request, conf)};
    if (conf.sessions != nullptr) {
        auto& protocol = *request.arena().make<Http2>(conf);
        protocol.scheme = url.is_secure ? "https" : "http";
        protocol.path = uri;
        protocol.authority = conf.host.evaluate(request);
        return http::upstream::Exchange::run(request, conf, protocol, *group, destination);
    }
    auto& protocol = *request.arena().make<Http1>(conf);
    protocol.uri = uri;
    return http::upstream::Exchange::run(request, conf, protocol, *group, destination);
}

// --- configuration ---

constexpr Text kHostVariable = "proxy_host";

/// The scheme of an address with variables may be one of them.
Encryption encryption_of(const script::Complex& url) {
    if (text::istarts_with(url.source(), kHttps)) return Encryption::always;
    return url.is_constant() || text::istarts_with(url.source(), kHttp) ? Encryption::never : Encryption::maybe;
}

Result<void> proxy_pass(Parser& parser, Setting<const Target*>& field, Arguments words) {
    if (field.is_here()) return Error("\"proxy_pass\" directive is duplicate");
    auto& core = parser.conf<http::LocationConf>();
    auto& target = *parser.arena().make<Target>();
    Result<script::Complex> url =
        script::Complex::compile(parser.arena(), *parser.scope().variables, words[0].text, words[0].at);
    if (!url) return url.error();
    target.url = *url;
    target.encryption = encryption_of(*url);
    if (target.encryption != Encryption::never) {
        const bool may_do_without = target.encryption == Encryption::maybe;
        if (Result<void> loaded = http::upstream::load_tls(parser, words[0], "https", may_do_without); !loaded)
            return loaded;
    }
    target.location = core.location->name;
    target.location_length = target.location.size();
    if (url->is_constant()) {
        target.parts = parse_url(words[0].text);
        const Url& parts = target.parts;
        parser.point_at(words[0]);
        if (parts.scheme.empty()) return Error(parts.error);
        if (!parts.error.empty())
            return Error(parser.arena().concat(parts.error, " in upstream \"",
                                               words[0].text.substr(parts.scheme.size()), "\""));
        const bool is_exchangeable = core.location->kind == http::Location::Kind::exact ||
                                     core.location->kind == http::Location::Kind::prefix ||
                                     core.location->kind == http::Location::Kind::prefix_final;
        if (!is_exchangeable) {
            if (!parts.uri.empty())
                return Error(
                    "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named "
                    "location, or inside \"if\" statement, or inside \"limit_except\" block");
            target.location_length = 0;
            target.location = {};
        }
        auto& upstreams = *static_cast<http::upstream::Upstreams*>(
            parser.object(conf::slot_of<http::upstream::Upstreams>(), parser.scope()));
        Result<http::upstream::Group*> group = upstreams.refer(parser, parts.name, parts.port_choice(), words[0]);
        if (!group) return group.error();
        target.group = *group;
    }
    target.variables = parser.scope().variables;
    // One with variables has to ask for the host: a use that is told before all are bound.
    if (target.group == nullptr) target.variables->index(parser.arena(), kHostVariable, words[0].at);
    core.content_handler.set(proxy);
    field.set(&target);
    return {};
}

constexpr std::array<Text, 8> kHidden{"Date",
                                      "Server",
                                      "X-Pad",
                                      "X-Accel-Expires",
                                      "X-Accel-Redirect",
                                      "X-Accel-Limit-Rate",
                                      "X-Accel-Buffering",
                                      "X-Accel-Charset"};

/// What `proxy_redirect default` stands for.
const Redirect* make_own_redirect(Arena& arena, const Target& target) {
    if (target.group == nullptr) return nullptr;
    auto& made = *arena.make<Redirect>();
    const bool has_uri = !target.parts.uri.empty();
    made.from = script::Complex(has_uri ? target.url.source() : arena.concat(target.url.source(), "/"));
    made.to = script::Complex(has_uri ? target.location : Text("/"));
    return &made;
}

/// What Host says where nothing else is configured: $proxy_host, to which `set` or a capture may give a value. It is
/// the constant address where no part of the configuration names it.
Result<script::Complex> default_host(Arena& arena, const Target& target) {
    if (!target.variables->find_index(kHostVariable)) return script::Complex(target.parts.host);
    return script::Complex::compile(arena, *target.variables, "$proxy_host");
}

/// The sessions, where requests go by HTTP/2.
Result<void> prepare_http2(Parser& parser, ProxyConf& conf) {
    const Result<const http::upstream::SharedSessions*> found = http::upstream::find_shared_sessions(parser);
    if (!found || *found == nullptr) {
        parser.point_at(conf.http_version);
        if (!found) return found.error();
        parser.suggest(parser.arena().copy(parser.environment().directives.advise("http2", conf::Context::http)));
        return Error("\"proxy_http_version 2\" requires HTTP/2 support");
    }
    conf.sessions = *found;
    conf.alpn = conf.sessions->alpn;
    conf.fields = http::upstream::make_field_template(parser.arena(), *conf.set_headers);
    return {};
}

Result<void> complete(Parser& parser, ProxyConf& conf, const ProxyConf* enclosing) {
    if (Result<void> done = http::upstream::complete(parser, conf, "proxy_", kHidden); !done) return done;
    Arena& arena = parser.arena();
    conf.prefix = "proxy_";
    event::tls::share_context(arena, conf, enclosing);
    if (*conf.target == nullptr) return {};
    const Target& target = **conf.target;
    if (target.encryption != Encryption::never)
        if (Result<void> made = http::upstream::make_tls_client(parser, conf); !made) return made;
    conf.own_redirect = make_own_redirect(arena, target);
    Result<script::Complex> host = default_host(arena, target);
    if (!host) return host.error();
    conf.host = *host;
    conf.head = make_head_template(arena, *conf.set_headers, conf.host, *conf.http_version == HttpVersion::v10);
    return *conf.http_version == HttpVersion::v2 ? prepare_http2(parser, conf) : Result<void>{};
}

// --- variables ---

const State* state_of(const http::Request& r) {
    const State* state = r.state<State>();
    return state != nullptr && state->location == &r.location() ? state : nullptr;
}
Text proxy_host(const http::Request& r) {
    const State* state = state_of(r);
    return state != nullptr ? state->host : Text{};
}
Text proxy_port(const http::Request& r) {
    const State* state = state_of(r);
    if (state == nullptr) return {};
    if (state->port == 0) return "";
    char room[8];
    return r.arena().copy(TextBuilder(room).add(state->port).text());
}
Text add_x_forwarded_for(const http::Request& r) {
    const Text client = r.connection().peer().host_text(r.arena());
    const Text before = r.headers.joined(r.arena(), "X-Forwarded-For", ", ");
    return before.empty() ? client : r.arena().concat(before, ", ", client);
}

/// RFC 9110 §7.6.3: the request's entries and ours behind them, with the protocol that the request came by; its name
/// goes without saying where it is HTTP.
Text add_via(const http::Request& r) {
    const size_t slash = r.protocol.find('/');
    const Text version = slash == Text::npos ? Text("0.9") : r.protocol.substr(slash + 1);
    const Text before = r.headers.joined(r.arena(), "Via", ", ");
    return r.arena().concat(before, before.empty() ? "" : ", ", version, " ", http::host_name());
}

using conf::custom;
using conf::directive;
using http::anywhere;
constexpr conf::Contexts kHandlers =
    conf::Context::http_location | conf::Context::http_location_if | conf::Context::http_limit_except;

constexpr auto kFamily = http::upstream::family<ProxyConf, "proxy_", SLUICE_PROXY_TEMP_PATH>();

constexpr auto kTls = event::tls::client_family<ProxyConf, "proxy_">(anywhere);

constexpr std::array kOwn{
    custom<&ProxyConf::target, proxy_pass>("proxy_pass", {.where = kHandlers,
                                                          .help = "the server that requests are passed to",
                                                          .arity = {1, 1},
                                                          .inherit = conf::Inherit::unnamed,
                                                          .syntax = "URL"}),
    directive<&ProxyConf::set_headers>("proxy_set_header",
                                       {.where = anywhere, .help = "a field of the request to the upstream"}),
    directive<&ProxyConf::set_body>("proxy_set_body", {.where = anywhere, .help = "the body of the request"}),
    directive<&ProxyConf::method>("proxy_method", {.where = anywhere, .help = "the method of the request"}),
    directive<&ProxyConf::http_version>("proxy_http_version",
                                        {.where = anywhere, .initial = "1.1", .help = "the version of HTTP"}),
    custom<&ProxyConf::redirects, parse_redirect>("proxy_redirect",
                                                  {.where = anywhere,
                                                   .initial = "default",
                                                   .help = "rewrites Location and Refresh",
                                                   .arity = {1, 2},
                                                   .may_repeat = true,
                                                   .syntax = "default | off | redirect replacement"}),
    custom<&ProxyConf::cookie_domains, parse_cookie_domain>("proxy_cookie_domain",
                                                            {.where = anywhere,
                                                             .initial = "off",
                                                             .help = "rewrites the domain of cookies",
                                                             .arity = {1, 2},
                                                             .may_repeat = true,
                                                             .syntax = "off | domain replacement"}),
    custom<&ProxyConf::cookie_paths, parse_cookie_path>("proxy_cookie_path", {.where = anywhere,
                                                                              .initial = "off",
                                                                              .help = "rewrites the path of cookies",
                                                                              .arity = {1, 2},
                                                                              .may_repeat = true,
                                                                              .syntax = "off | path replacement"}),
    custom<&ProxyConf::cookie_flags, parse_cookie_flags>("proxy_cookie_flags", {.where = anywhere,
                                                                                .initial = "off",
                                                                                .help = "sets flags of cookies",
                                                                                .arity = {1, 4},
                                                                                .may_repeat = true,
                                                                                .syntax = "off | cookie [flag ...]"}),
    directive<&ProxyConf::pass_trailers>(
        "proxy_pass_trailers",
        {.where = anywhere, .initial = "off", .help = "passes the trailers of chunked answers to the client"}),
    directive<&ProxyConf::headers_hash_max_size>(
        "proxy_headers_hash_max_size", {.where = anywhere, .initial = "512", .help = "accepted for compatibility"}),
    directive<&ProxyConf::headers_hash_bucket_size>(
        "proxy_headers_hash_bucket_size", {.where = anywhere, .initial = "64", .help = "accepted for compatibility"}),
};

constexpr auto kDirectives = conf::in_one_table(kFamily, kTls, kOwn);

constexpr std::array kVariables{
    http::Variable{.name = kHostVariable, .get = proxy_host, .cacheable = false, .changeable = true},
    http::Variable{.name = "proxy_port", .get = proxy_port, .cacheable = false, .changeable = true},
    http::Variable{.name = "proxy_add_x_forwarded_for", .get = add_x_forwarded_for, .cacheable = false},
    http::Variable{.name = "proxy_add_via", .get = add_via, .cacheable = false},
};

constexpr http::Module kModule{
    .name = "http_proxy",
    .location = http::conf_type<ProxyConf, complete>(),
    .directives = kDirectives,
    .variables = kVariables,
    .state = http::state_type<State>(),
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
