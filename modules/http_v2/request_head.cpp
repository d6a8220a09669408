// RequestHead.
#include "request_head.h"

#include <sluice/http/fields/host.h>
#include <sluice/sdk.h>

namespace sluice::http2 {

using http::KnownHeader;
using http::Request;

namespace {

/// How many times the limit is read on with, before the connection is given up: the table of the decoder must not get
/// out of step because of one large request.
constexpr uint32_t kPatience = 4;

enum class NameForm : uint8_t { plain, underscored, unusual };

NameForm form_of(Text name) {
    NameForm form = NameForm::plain;
    for (const char c : name) {
        if ((c >= 'a' && c <= 'z') || text::is_digit(c) || c == '-') continue;
        if (c != '_') return NameForm::unusual;
        form = NameForm::underscored;
    }
    return form;
}

RequestHead::Outcome malformed(Request& request, Text what) {
    request.log().info("client sent ", what);
    return RequestHead::Outcome::malformed;
}

}  // namespace

/// As for HTTP/1: a single field must fit into one large buffer, all of them into all buffers.
RequestHead::Outcome RequestHead::count(Request& request, Text name, Text value) {
    const auto& server = request.conf<http::ServerConf>();
    const auto& buffers = *server.large_client_header_buffers;
    const auto most = static_cast<uint32_t>(buffers.size.count);
    const auto size = static_cast<uint32_t>(name.size() + value.size() + 4);
    size_ += size;
    if (size_ / kPatience > most * buffers.number) {
        request.log().info("client sent far too large header");
        return Outcome::flood;
    }
    if (is_too_large_) return Outcome::taken;
    if (size > most || size_ > most * buffers.number) {
        is_too_large_ = true;
        request.log().info("client sent too long header line: \"", name, ": ", value.substr(0, 100), "...\"");
    }
    if (++fields_ > *server.max_headers && !has_too_many_) {
        has_too_many_ = true;
        request.log().info("client sent too many header lines");
    }
    return Outcome::taken;
}

RequestHead::Outcome RequestHead::add(Request& request, Text name, Text value) {
    const Outcome counted = count(request, name, value);
    if (counted != Outcome::taken) return counted;
    if (name.starts_with(':')) return add_pseudo(request, name, value);
    if (!is_too_large_ && !has_too_many_) add_regular(request, name, value);
    return Outcome::taken;
}

// The library knows which there are, and that each comes once and in front.
RequestHead::Outcome RequestHead::add_pseudo(Request& request, Text name, Text value) {
    Arena& arena = request.arena();
    if (name == ":method") method_ = arena.copy(value);
    if (name == ":authority") authority_ = arena.copy(value);
    if (name == ":protocol") protocol_ = arena.copy(value);
    if (name == ":path") {
        // RFC 9113 §8.3.1: path and query. A fragment is neither, and the next server might read it otherwise.
        if (value.find('#') != Text::npos) return malformed(request, "a fragment in \":path\"");
        path_ = arena.copy(value);
    }
    return Outcome::taken;
}

void RequestHead::add_regular(Request& request, Text name, Text value) {
    Arena& arena = request.arena();
    const auto& server = request.conf<http::ServerConf>();
    const NameForm form = form_of(name);
    const bool is_valid =
        form == NameForm::plain || (form == NameForm::underscored && *server.underscores_in_headers);
    if (!is_valid && *server.ignore_invalid_headers) {
        request.log().info("client sent invalid header line: \"", name, ": ", value, "\"");
        return;
    }
    http::Field field{.name = {}, .value = arena.copy(value), .hash = http::header_name_hash(name)};
    field.known = form == NameForm::plain ? http::find_known_header(name, field.hash) : KnownHeader::none;
    field.name = field.known == KnownHeader::none ? arena.copy(name) : http::lower_name_of(field.known);
    SLUICE_LOG_DEBUG(request.log(), "http header: \"", name, ": ", value, "\"");
    // RFC 9113 §8.2.3: a cookie may come in crumbs.
    (field.known == KnownHeader::cookie ? cookies_ : request.headers).add(arena, field);
}

RequestHead::Outcome RequestHead::add_trailer(Request& request, Text name, Text value) {
    const Outcome counted = count(request, name, value);
    if (counted != Outcome::taken || is_too_large_ || has_too_many_) return counted;
    // RFC 9110 §6.5.1: what frames or routes a message has no place behind it. The library refuses those of the
    // connection.
    const KnownHeader known = http::find_known_header(name);
    if (known == KnownHeader::content_length || known == KnownHeader::host)
        return malformed(request, "invalid trailer");
    if (form_of(name) != NameForm::plain) return Outcome::taken;
    request.trailers.add(request.arena(), request.arena().copy(name), request.arena().copy(value));
    return Outcome::taken;
}

RequestHead::Outcome RequestHead::complete(Request& request) {
    Arena& arena = request.arena();
    is_complete_ = true;
    request.protocol = "HTTP/2.0";
    request.method_name = method_;
    request.method = http::find_method(method_);
    request.request_line = arena.concat(method_, " ", path_.empty() ? authority_ : path_, " HTTP/2.0");
    if (!cookies_.empty()) request.headers.add(arena, KnownHeader::cookie, cookies_.joined(arena, "cookie", "; "));
    SLUICE_LOG_DEBUG(request.log(), "http request line: \"", request.request_line, "\"");
    return settle_authority(request);
}

// RFC 9113 §8.3.1: there must be one, in :authority or in Host; where there are both they must be the same, or two
// servers could take the request for different hosts.
RequestHead::Outcome RequestHead::settle_authority(Request& request) {
    const http::Field* host = nullptr;
    for (const http::Field& field : request.headers) {
        if (field.known != KnownHeader::host) continue;
        if (host != nullptr) return malformed(request, "duplicate host header");
        host = &field;
    }
    if (is_too_large_ || has_too_many_) return Outcome::taken;
    if (authority_.empty() && host == nullptr)
        return malformed(request, "neither \":authority\" nor \"Host\" header");
    if (host == nullptr) {
        request.headers.add(request.arena(), KnownHeader::host, authority_);
    } else if (authority_.empty()) {
        authority_ = host->value;
    } else if (!text::iequals(authority_, host->value)) {
        return malformed(request, "\"Host\" header that differs from \":authority\"");
    }
    return Outcome::taken;
}

}  // namespace sluice::http2
