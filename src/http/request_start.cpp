// From head to phases.
#include "http/request_start.h"

#include <array>

#include "http/conf/http_conf.h"
#include "http/conf/server_conf.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/uri/normalize.h"

namespace sluice::http {

namespace {

/// Beside those that settle server and framing. nginx takes the others as often as they come, some of which should
/// come once as well.
constexpr auto kComeOnce = [] {
    std::array<bool, kKnownHeaderCount> once{};
    for (const KnownHeader known : {KnownHeader::authorization, KnownHeader::content_range, KnownHeader::expect,
                                    KnownHeader::if_match, KnownHeader::if_modified_since, KnownHeader::if_none_match,
                                    KnownHeader::if_range, KnownHeader::if_unmodified_since})
        once[static_cast<size_t>(known)] = true;
    return once;
}();

}  // namespace

bool is_repeated(const Request& request, KnownHeader known, Text name, Text value) {
    if (!kComeOnce[static_cast<size_t>(known)]) return false;
    const Field* const previous = request.headers.find(known);
    if (previous == nullptr) return false;
    request.log().info("client sent duplicate header line: \"", name, ": ", value, "\", previous value: \"",
                       previous->name, ": ", previous->value, "\"");
    return true;
}

RequestTarget split_target(Text uri) {
    RequestTarget target{.uri = uri, .path = uri, .args = {}, .traits = {}};
    h1::PathMarks marks;
    const uint32_t end = h1::scan_path(uri, 0, 0, marks);
    target.path = uri.substr(0, end);
    target.traits = marks.traits;
    if (end < uri.size() && uri[end] == '?') {
        target.args = uri.substr(end + 1);
        target.args = target.args.substr(0, target.args.find('#'));
    }
    return target;
}

void choose_server(Request& request, const std::optional<Authority>& authority) {
    const Address& address = request.connection().address();
    if (authority) {
        request.host = lower_case_host(authority->host, request.arena().make_bytes(authority->host.size()));
        request.host_port = authority->port;
    }
    // Not the server that a TLS handshake has named: so does nginx.
    const Server* server = address.names.find(request.host, request);
    request.use_server(server != nullptr ? *server : *address.default_server);
}

std::optional<h1::Refusal> settle_target(Request& request, const RequestTarget& target) {
    request.args = target.args;
    request.unparsed_uri = target.uri.empty() ? Text("/") : target.uri;
    const bool merges = *request.conf<ServerConf>().merge_slashes;
    if (target.path.empty()) {
        request.uri = "/";
    } else if (target.traits.is_normal(merges)) {
        request.uri = target.path;
    } else {
        const std::span<char> room = request.arena().make_bytes(target.path.size() + 1);
        const uri::NormalPath normal = uri::normalize_path(target.path, merges, room);
        if (!normal.ok()) return h1::Refusal{400, "client sent invalid request"};
        request.uri = normal.path;
    }
    // "GET http://host?args": what was sent is no path that could go on.
    request.parsed_uri = request.unparsed_uri.starts_with('/') ? request.uri : Text{};
    request.parsed_args = request.args;
    return std::nullopt;
}

Expectation expectation_of(const Request& request) {
    const Field* expect = request.headers.find(KnownHeader::expect);
    if (expect == nullptr || request.version < kHttp11) return Expectation::none;
    const Expectation expectation = parse_expect(expect->value);
    if (expectation == Expectation::unknown)
        request.log().info("client sent unknown expectation: \"", expect->value, "\"");
    return expectation;
}

uint16_t start_phases(Request& request) {
    if (request.method == Method::trace || request.method == Method::connect) {
        request.set_action("reading client request headers");
        request.log().info("client sent ", request.method_name, " method");
        request.set_action({});
        return 405;
    }
    request.http().phases.start(request, Phase::post_read);
    return 0;
}

}  // namespace sluice::http
