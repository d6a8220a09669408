// The variables of http_core: each is one small function over the request.
#include "http/core_variables.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <random>

#include <unistd.h>

#include "core/base/version.h"
#include "core/log/clock.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/connection_variables.h"
#include "http/fields/basic_auth.h"
#include "http/fields/date.h"
#include "http/fields/token_list.h"
#include "http/path.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/uri/args.h"

namespace sluice::http {

namespace {

/// Texts made of parts, in the request's arena.
template <class... Parts>
Text made(const Request& r, const Parts&... parts) {
    char room[512];
    return r.arena().copy(TextBuilder(room).add(parts...).text());
}

Text orempty(Text value) {
    return value.data() != nullptr ? value : Text("");
}

template <KnownHeader known>
Text header(const Request& r) {
    return r.headers.value(known);
}

/// Those of $http_* that a configuration cannot define anew.
template <KnownHeader known>
Text all_of(const Request& r) {
    const Field* first = r.headers.find(known);
    if (first == nullptr) return {};
    return r.headers.joined(r.arena(), first->name, known == KnownHeader::cookie ? Text("; ") : Text(", "));
}

/// Of a body whose length was not announced: when all of it is there.
Text content_length(const Request& r) {
    const Text announced = r.headers.value(KnownHeader::content_length);
    if (announced.data() != nullptr || r.body.framing == RequestBody::Framing::none) return announced;
    return r.body.is_complete() && !r.body.is_discarded() ? made(r, r.body.received) : Text{};
}
Text host(const Request& r) {
    if (!r.host.empty()) return r.host;
    return orempty(r.server().name());
}
Text remote_addr(const Request& r) {
    return r.connection().peer().host_text(r.arena());
}
Text remote_user(const Request& r) {
    const auto credentials = parse_basic_auth(r.arena(), r.headers.value(KnownHeader::authorization));
    return credentials ? orempty(credentials->user) : Text{};
}
Text remote_port(const Request& r) {
    return r.connection().peer().is_unix() ? Text("") : made(r, r.connection().peer().port());
}
Text binary_remote_addr(const Request& r) {
    const event::PeerAddress& peer = r.connection().peer();
    return peer.is_unix() ? peer.host_text(r.arena()) : r.arena().copy(peer.ip_bytes());
}
Text server_addr(const Request& r) {
    const event::SocketAddress& local = r.connection().local();
    return local.is_unix() ? local.text(r.arena()) : local.host_text(r.arena());
}
Text server_port(const Request& r) {
    return r.connection().local().is_unix() ? Text("") : made(r, r.connection().local().port());
}
Text server_protocol(const Request& r) {
    return r.main().protocol.empty() ? Text{} : r.main().protocol;
}
Text scheme(const Request& r) {
    return r.connection().is_secure() ? "https" : "http";
}
Text https(const Request& r) {
    return r.connection().is_secure() ? Text("on") : Text("");
}
Text request_port(const Request& r) {
    return r.host_port.empty() ? Text("") : r.host_port;
}
Text is_request_port(const Request& r) {
    return r.host_port.empty() ? Text("") : Text(":");
}
Text request_uri(const Request& r) {
    return r.main().unparsed_uri;
}
Text current_uri(const Request& r) {
    return r.uri;
}
Text args(const Request& r) {
    return r.args.empty() ? Text{} : r.args;
}
void set_args(Request& r, Text value) {
    r.args = value;
}
Text is_args(const Request& r) {
    return r.args.empty() ? Text("") : Text("?");
}
Text request_line(const Request& r) {
    return r.main().request_line;
}
Text request_method(const Request& r) {
    return r.main().method_name;
}
Text server_name(const Request& r) {
    return orempty(r.server().name());
}
Text document_root(const Request& r) {
    return root_of(const_cast<Request&>(r));
}
Text realpath_root(const Request& r) {
    const Text root = root_of(const_cast<Request&>(r));
    char real[PATH_MAX];
    if (!script::is_found(root)) return {};
    if (::realpath(r.arena().copy_c_str(root), real) == nullptr) {
        r.log().write(LogLevel::crit, errno, "realpath() \"", root, "\" failed");
        return {};
    }
    return r.arena().copy(real);
}
Text request_filename(const Request& r) {
    return path_of(const_cast<Request&>(r), r.uri);
}
Text bytes_sent(const Request& r) {
    return made(r, r.stream().bytes_sent(r).count);
}
Text body_bytes_sent(const Request& r) {
    const int64_t sent = r.stream().bytes_sent(r).count - r.head_bytes_sent;
    return made(r, sent > 0 ? sent : int64_t{0});
}
Text pipe(const Request& r) {
    return r.is_pipelined ? "p" : ".";
}
Text request_completion(const Request& r) {
    return r.is_complete() ? Text("OK") : Text("");
}
Text request_body(const Request& r) {
    return r.body.in_memory();
}
Text request_body_file(const Request& r) {
    return r.body.file_path().empty() ? Text{} : r.body.file_path();
}
Text request_length(const Request& r) {
    return made(r, r.main().head_length + r.main().body.received);
}
Text request_time(const Request& r) {
    const int64_t passed = log::Clock::unix_msec() - r.main().started_wall_msec();
    const auto msec = static_cast<uint64_t>(passed > 0 ? passed : 0);
    return made(r, msec / 1000, '.', Padded{msec % 1000, 3});
}
Text request_id(const Request& r) {
    static thread_local std::random_device random;
    char room[33];
    TextBuilder out(room);
    for (int i = 0; i < 4; ++i) out.add(Hex{random(), 8});
    return r.arena().copy(out.text());
}
Text status(const Request& r) {
    return made(r, Padded{r.error_status != 0 ? r.error_status : r.response.status, 3});
}
Text content_type(const Request& r) {
    const Response& response = r.response;
    if (response.content_type.empty()) return {};
    return response.charset.empty() ? response.content_type
                                    : made(r, response.content_type, "; charset=", response.charset);
}
Text sent_length(const Request& r) {
    return r.response.content_length >= 0 ? made(r, r.response.content_length)
                                          : r.response.headers.value(KnownHeader::content_length);
}
Text sent_location(const Request& r) {
    return r.response.location.empty() ? r.response.headers.value(KnownHeader::location) : r.response.location;
}
Text sent_last_modified(const Request& r) {
    if (r.response.last_modified == Response::kNoTime) return {};
    char date[kHttpDateSize];
    write_http_date(date, {r.response.last_modified});
    return r.arena().copy({date, sizeof(date)});
}
Text sent_connection(const Request& r) {
    return r.keeps_alive ? "keep-alive" : "close";
}
Text sent_keep_alive(const Request& r) {
    const Seconds header = r.conf<LocationConf>().keepalive_timeout->header;
    return r.keeps_alive && header.count > 0 ? made(r, "timeout=", header.count) : Text{};
}
Text sent_transfer_encoding(const Request& r) {
    return r.response.is_chunked ? Text("chunked") : Text{};
}
Text joined(const Request& r, const Headers& headers, Text name) {
    return headers.joined(r.arena(), name, ", ");
}
Text sent_cache_control(const Request& r) {
    return joined(r, r.response.headers, "Cache-Control");
}
Text sent_link(const Request& r) {
    return joined(r, r.response.headers, "Link");
}
Text limit_rate(const Request& r) {
    return made(r, r.limit_rate());
}
void set_limit_rate(Request& r, Text value) {
    r.set_limit_rate(value);
}
Text connection(const Request& r) {
    return made(r, r.connection().number());
}
Text connection_requests(const Request& r) {
    return made(r, r.connection().requests);
}
Text connection_time(const Request& r) {
    const auto msec = static_cast<uint64_t>((r.connection().loop().now() - r.connection().accepted_at()).count);
    return made(r, msec / 1000, '.', Padded{msec % 1000, 3});
}
Text nginx_version(const Request&) {
    return kVersion;
}
Text hostname(const Request&) {
    return host_name();
}
Text pid(const Request& r) {
    return made(r, static_cast<int64_t>(::getpid()));
}
Text msec(const Request& r) {
    char room[32];
    TextBuilder out(room);
    log::Clock::write_msec(out);
    return r.arena().copy(out.text());
}
Text time_local(const Request& r) {
    return r.arena().copy(log::Clock::access_log_time());
}
Text time_iso8601(const Request& r) {
    return r.arena().copy(log::Clock::iso8601());
}

Text find_header(Request& r, Text name) {
    return r.headers.joined_of_variable(r.arena(), name, name == "cookie" ? Text("; ") : Text(", "));
}
Text find_sent_header(Request& r, Text name) {
    if (name == "etag") return r.response.etag;
    return r.response.headers.joined_of_variable(r.arena(), name, ", ");
}
Text find_sent_trailer(Request& r, Text name) {
    return r.response.trailers.joined_of_variable(r.arena(), name, ", ");
}
Text find_arg(Request& r, Text name) {
    return uri::find_arg(r.args, name).value_or(Text{});
}
Text find_cookie_value(Request& r, Text name) {
    for (const Field& field : r.headers) {
        if (field.known != KnownHeader::cookie) continue;
        if (const std::optional<Text> value = find_cookie(field.value, name)) return *value;
    }
    return {};
}

}  // namespace

const Variable kCoreVariables[kCoreVariableCount] = {
    {.name = "http_", .find = find_header},
    {.name = "sent_http_", .find = find_sent_header, .cacheable = false},
    {.name = "sent_trailer_", .find = find_sent_trailer, .cacheable = false},
    {.name = "arg_", .find = find_arg, .cacheable = false},
    {.name = "cookie_", .find = find_cookie_value},
    {.name = "http_host", .get = all_of<KnownHeader::host>},
    {.name = "http_user_agent", .get = all_of<KnownHeader::user_agent>},
    {.name = "http_referer", .get = all_of<KnownHeader::referer>},
    {.name = "http_via", .get = all_of<KnownHeader::via>},
    {.name = "http_x_forwarded_for", .get = all_of<KnownHeader::x_forwarded_for>},
    {.name = "http_cookie", .get = all_of<KnownHeader::cookie>},
    {.name = "content_length", .get = content_length, .cacheable = false},
    {.name = "content_type", .get = header<KnownHeader::content_type>},
    {.name = "host", .get = host},
    {.name = "binary_remote_addr", .get = binary_remote_addr},
    {.name = "remote_addr", .get = remote_addr},
    {.name = "remote_user", .get = remote_user},
    {.name = "remote_port", .get = remote_port},
    {.name = "server_addr", .get = server_addr},
    {.name = "server_port", .get = server_port},
    {.name = "server_protocol", .get = server_protocol},
    {.name = "scheme", .get = scheme},
    {.name = "https", .get = https, .changeable = true},
    {.name = "request_port", .get = request_port},
    {.name = "is_request_port", .get = is_request_port},
    {.name = "request_uri", .get = request_uri},
    {.name = "uri", .get = current_uri, .cacheable = false},
    {.name = "document_uri", .get = current_uri, .cacheable = false},
    {.name = "request", .get = request_line},
    {.name = "document_root", .get = document_root, .cacheable = false},
    {.name = "realpath_root", .get = realpath_root, .cacheable = false},
    {.name = "query_string", .get = args, .cacheable = false},
    {.name = "args", .get = args, .set = set_args, .cacheable = false, .changeable = true},
    {.name = "is_args", .get = is_args, .cacheable = false},
    {.name = "request_filename", .get = request_filename, .cacheable = false},
    {.name = "server_name", .get = server_name, .cacheable = false},
    {.name = "request_method", .get = request_method, .cacheable = false},
    {.name = "bytes_sent", .get = bytes_sent, .cacheable = false},
    {.name = "body_bytes_sent", .get = body_bytes_sent, .cacheable = false},
    {.name = "pipe", .get = pipe, .cacheable = false},
    {.name = "request_completion", .get = request_completion, .cacheable = false},
    {.name = "request_body", .get = request_body, .cacheable = false},
    {.name = "request_body_file", .get = request_body_file, .cacheable = false},
    {.name = "request_length", .get = request_length, .cacheable = false},
    {.name = "request_time", .get = request_time, .cacheable = false},
    {.name = "request_id", .get = request_id},
    {.name = "status", .get = status, .cacheable = false},
    {.name = "sent_http_content_type", .get = content_type, .cacheable = false},
    {.name = "sent_http_content_length", .get = sent_length, .cacheable = false},
    {.name = "sent_http_location", .get = sent_location, .cacheable = false},
    {.name = "sent_http_last_modified", .get = sent_last_modified, .cacheable = false},
    {.name = "sent_http_connection", .get = sent_connection, .cacheable = false},
    {.name = "sent_http_keep_alive", .get = sent_keep_alive, .cacheable = false},
    {.name = "sent_http_transfer_encoding", .get = sent_transfer_encoding, .cacheable = false},
    {.name = "sent_http_cache_control", .get = sent_cache_control, .cacheable = false},
    {.name = "sent_http_link", .get = sent_link, .cacheable = false},
    {.name = "limit_rate", .get = limit_rate, .set = set_limit_rate, .cacheable = false, .changeable = true},
    {.name = "connection", .get = connection},
    {.name = "connection_requests", .get = connection_requests},
    {.name = "connection_time", .get = connection_time, .cacheable = false},
    {.name = "proxy_protocol_addr", .get = proxy_protocol_addr},
    {.name = "proxy_protocol_port", .get = proxy_protocol_port},
    {.name = "proxy_protocol_server_addr", .get = proxy_protocol_server_addr},
    {.name = "proxy_protocol_server_port", .get = proxy_protocol_server_port},
    {.name = "proxy_protocol_tlv_", .find = proxy_protocol_tlv},
    {.name = "tcpinfo_rtt", .get = tcpinfo_rtt, .cacheable = false},
    {.name = "tcpinfo_rttvar", .get = tcpinfo_rttvar, .cacheable = false},
    {.name = "tcpinfo_snd_cwnd", .get = tcpinfo_snd_cwnd, .cacheable = false},
    {.name = "tcpinfo_rcv_space", .get = tcpinfo_rcv_space, .cacheable = false},
    {.name = "nginx_version", .get = nginx_version},
    {.name = "hostname", .get = hostname},
    {.name = "pid", .get = pid},
    {.name = "msec", .get = msec, .cacheable = false},
    {.name = "time_local", .get = time_local, .cacheable = false},
    {.name = "time_iso8601", .get = time_iso8601, .cacheable = false},
};

Text host_name() {
    static char name[256] = {};
    if (name[0] == '\0') static_cast<void>(::gethostname(name, sizeof(name) - 1));
    return Text(name);
}

}  // namespace sluice::http
