// http_v2: HTTP/2 with clients, by ALPN under TLS and by prior knowledge without it; and, for the modules that pass
// requests on, with upstreams.
//   server { listen 443 ssl;  http2 on; }      $http2
#include <algorithm>
#include <bit>

#include <sluice/http/conf/core_parsers.h>
#include <sluice/sdk.h>

#include "conf.h"
#include "library_memory.h"
#include "output.h"
#include "session.h"
#include "upstream_session.h"

namespace {

using namespace sluice;
using conf::Context;
using http2::LocationConf;
using http2::MainConf;
using http2::ServerConf;

constexpr conf::Contexts kServerUp = Context::http | Context::http_server;
constexpr Bytes kLargestWindow{INT32_MAX};
constexpr Bytes kLargestFrame{(1 << 24) - 1};

Result<Bytes> parse_size(conf::Parser& parser, const conf::Token& word) {
    Bytes size;
    conf::Directive row{};
    row.name = parser.directive().text;
    if (Result<void> parsed = conf::parse::bytes(parser, row, word, size); !parsed) return parsed.error();
    return size;
}

Result<void> parse_recv_buffer_size(conf::Parser& parser, Setting<Bytes>& field, conf::Arguments words) {
    // What nginx keeps of one read for the next.
    constexpr int64_t kKept = 32;
    const Result<Bytes> size = parse_size(parser, words[0]);
    if (!size) return size.error();
    if (size->count <= kKept)
        return Error(parser.arena().concat("\"", parser.directive().text, "\" directive value is too small"));
    field.set(*size);
    return {};
}

Result<void> parse_preread_size(conf::Parser& parser, Setting<Bytes>& field, conf::Arguments words) {
    const Result<Bytes> size = parse_size(parser, words[0]);
    if (!size) return size.error();
    if (size->count > kLargestWindow.count) return Error("the maximum body preread buffer size is 2147483647");
    field.set(*size);
    return {};
}

Result<void> parse_chunk_size(conf::Parser& parser, Setting<Bytes>& field, conf::Arguments words) {
    const Result<Bytes> size = parse_size(parser, words[0]);
    if (!size) return size.error();
    if (size->count == 0) return Error("the http2 chunk size cannot be zero");
    field.set({std::min(size->count, kLargestFrame.count)});
    return {};
}

Result<void> parse_index_size(conf::Parser& parser, Setting<uint32_t>& field, conf::Arguments words) {
    int64_t size = 0;
    conf::Directive row{};
    row.name = parser.directive().text;
    if (Result<void> parsed = conf::parse::number(parser, row, words[0], INT32_MAX, size); !parsed) return parsed;
    if (!std::has_single_bit(static_cast<uint32_t>(size)))
        return Error(parser.arena().concat("\"", row.name, "\" directive must be a power of two"));
    field.set(static_cast<uint32_t>(size));
    return {};
}

/// A directive that nginx has given up, too: it warns, and names what is used instead, if anything.
template <const Text& instead>
Result<void> parse_obsolete(conf::Parser& parser, ServerConf&, conf::Arguments) {
    const Text name = parser.directive().text;
    if (instead.empty()) {
        parser.warn(parser.arena().concat("the \"", name, "\" directive is obsolete, ignored"));
    } else {
        parser.warn(parser.arena().concat("the \"", name, "\" directive is obsolete, use the \"", instead,
                                          "\" directive instead"));
    }
    return {};
}

constexpr Text kNothing = "";
constexpr Text kHeaderBuffers = "large_client_header_buffers";
constexpr Text kKeepaliveRequests = "keepalive_requests";
constexpr Text kKeepaliveTimeout = "keepalive_timeout";
constexpr Text kHeaderTimeout = "client_header_timeout";

template <const Text& instead>
constexpr conf::Directive obsolete(Text name, conf::Contexts where, Text syntax) {
    return conf::action<ServerConf, parse_obsolete<instead>>(
        name, {.where = where, .help = "obsolete, without effect", .arity = {1, 1}, .syntax = syntax});
}

constexpr std::array kDirectives{
    conf::directive<&ServerConf::enabled>("http2", {.where = kServerUp, .initial = "off", .help = "speaks HTTP/2"}),
    conf::custom<&MainConf::recv_buffer_size, parse_recv_buffer_size>("http2_recv_buffer_size",
                                                                      {.where = Context::http,
                                                                       .initial = "256k",
                                                                       .help = "accepted for compatibility",
                                                                       .arity = {1, 1},
                                                                       .syntax = "size"}),
    conf::custom<&ServerConf::pool_size, http::parse::pool_size>("http2_pool_size",
                                                                 {.where = kServerUp,
                                                                  .initial = "4k",
                                                                  .help = "accepted for compatibility",
                                                                  .arity = {1, 1},
                                                                  .syntax = "size"}),
    conf::custom<&ServerConf::streams_index_size, parse_index_size>("http2_streams_index_size",
                                                                    {.where = kServerUp,
                                                                     .initial = "32",
                                                                     .help = "accepted for compatibility",
                                                                     .arity = {1, 1},
                                                                     .syntax = "number"}),
    conf::directive<&ServerConf::max_concurrent_streams>("http2_max_concurrent_streams",
                                                         {.where = kServerUp,
                                                          .initial = "128",
                                                          .help = "requests at once on one connection",
                                                          .range = {1, INT32_MAX}}),
    conf::custom<&ServerConf::body_preread_size, parse_preread_size>(
        "http2_body_preread_size", {.where = kServerUp,
                                    .initial = "64k",
                                    .help = "bytes of a body that may come before anybody asks for it",
                                    .arity = {1, 1},
                                    .syntax = "size"}),
    conf::custom<&LocationConf::chunk_size, parse_chunk_size>("http2_chunk_size",
                                                              {.where = http::anywhere,
                                                               .initial = "8k",
                                                               .help = "most bytes of a body in one frame",
                                                               .arity = {1, 1},
                                                               .syntax = "size"}),
    obsolete<kHeaderBuffers>("http2_max_field_size", kServerUp, "size"),
    obsolete<kHeaderBuffers>("http2_max_header_size", kServerUp, "size"),
    obsolete<kKeepaliveRequests>("http2_max_requests", kServerUp, "number"),
    obsolete<kHeaderTimeout>("http2_recv_timeout", kServerUp, "time"),
    obsolete<kKeepaliveTimeout>("http2_idle_timeout", kServerUp, "time"),
    obsolete<kNothing>("http2_max_concurrent_pushes", kServerUp, "number"),
    obsolete<kNothing>("http2_push_preload", http::anywhere, "on | off"),
    obsolete<kNothing>("http2_push", http::anywhere, "uri | off"),
};

Text http2_text(const http::Request& request) {
    if (request.main().version < http::kHttp2) return "";
    return request.connection().is_secure() ? "h2" : "h2c";
}

constexpr std::array kVariables{http::Variable{.name = "http2", .get = http2_text, .cacheable = false}};

bool is_wanted(const http::Server& server, const http::Address& address) {
    return *http2::conf_of(server).enabled || address.flags.is_http2;
}

std::unique_ptr<http::Session> make_session(http::ServerConnection& connection) {
    return std::make_unique<http2::Session>(connection);
}

void drop_spare() {
    http2::Output::drop_spare();
    http2::LibraryMemory::drop_spare();
}

constexpr std::array kSessions{http::SessionType{
    .alpn = "h2", .preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .is_wanted = is_wanted, .make = make_session}};

constexpr http::upstream::SharedSessions kUpstreamSessions{.alpn = "\x02h2", .begin = http2::begin_upstream_session};

constexpr http::Module kModule{
    .name = "http_v2",
    .main = conf::conf_type<MainConf>(),
    .server = conf::conf_type<ServerConf>(),
    .location = conf::conf_type<LocationConf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .worker_stopping = drop_spare,
    .sessions = kSessions,
    .upstream_sessions = &kUpstreamSessions,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
