// RequestHead.
#include "request_head.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <sluice/http/fields/host.h>
#include <sluice/http/fields/token.h>
#include <sluice/http/request_start.h>
#include <sluice/sdk.h>

#include "field_rules.h"

namespace sluice::http2 {

using http::KnownHeader;
using http::Request;

namespace {

/// How many times the limit is read on with, before the connection is given up: the table of the decoder must not get
/// out of step because of one large request.
constexpr uint32_t kPatience = 4;

/// RFC 3986 §3.1.
bool is_scheme(Text value) {
    constexpr auto is_good = [](char c) {
        return text::is_alpha(c) || text::is_digit(c) || c == '+' || c == '-' || c == '.';
    };
    return !value.empty() && text::is_alpha(value.front()) && std::all_of(value.begin(), value.end(), is_good);
}

/// Empty: no number of bytes.
std::optional<int64_t> parse_length(Text value) {
    const std::optional<uint64_t> length = text::parse_uint(value);
    if (!length || !std::in_range<int64_t>(*length)) return std::nullopt;
    return static_cast<int64_t>(*length);
}

RequestHead::Outcome malformed(Request& request, Text what) {
    request.log().info("client sent ", what);
    return RequestHead::Outcome::malformed;
}

uint32_t at_most_32_bits(int64_t size) {
    return static_cast<uint32_t>(std::min<int64_t>(size, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

HeadLimits::HeadLimits(const http::ServerConf& conf)
    : field(at_most_32_bits(conf.large_client_header_buffers->size.count)),
      all(at_most_32_bits(int64_t{field} * conf.large_client_header_buffers->number)),
      fields(*conf.max_headers) {}

inline bool RequestHead::is_flood(Request& request, const Decoded& decoded) {
    const auto size = static_cast<uint32_t>(decoded.name.size() + decoded.value.size() + 4);
    size_ += size;
    ++fields_;
    if (size <= limits_.field && size_ <= limits_.all && fields_ <= limits_.fields) return false;
    return is_beyond_limits(request, decoded, size);
}

bool RequestHead::is_beyond_limits(Request& request, const Decoded& decoded, uint32_t size) {
    if (size_ / kPatience > limits_.all) {
        request.log().info("client sent far too large header");
        return true;
    }
    if (is_too_large_) return false;
    if (size > limits_.field || size_ > limits_.all) {
        is_too_large_ = true;
        request.log().info("client sent too long header line: \"", decoded.name, ": ", decoded.value.substr(0, 100),
                           "...\"");
    }
    if (fields_ > limits_.fields && !has_too_many_) {
        has_too_many_ = true;
        request.log().info("client sent too many header lines");
    }
    return false;
}

RequestHead::Outcome RequestHead::add(Request& request, const Decoded& decoded) {
    if (is_flood(request, decoded)) return Outcome::flood;
    return decoded.name.starts_with(':') ? add_pseudo(request, decoded) : add_regular(request, decoded);
}

RequestHead::Pseudo RequestHead::find_pseudo(Text name) {
    switch (name.size()) {
        case 5: return name == ":path" ? kPath : kUnknown;
        case 7: return name == ":method" ? kMethod : name == ":scheme" ? kScheme : kUnknown;
        case 9: return name == ":protocol" ? kProtocol : kUnknown;
        case 10: return name == ":authority" ? kAuthority : kUnknown;
        default: return kUnknown;
    }
}

/// RFC 9113 §8.3: each at most once, and in front of all that are none.
RequestHead::Outcome RequestHead::add_pseudo(Request& request, const Decoded& decoded) {
    const auto& [name, value, is_never_indexed] = decoded;
    const Pseudo which = find_pseudo(name);
    if (which == kUnknown || (pseudo_ & which) != 0 || has_regular_ || value.empty() || !is_pseudo_value(value))
        return Outcome::invalid;
    pseudo_ |= which;
    Arena& arena = request.arena();
    switch (which) {
        case kMethod:
            if (value == "GET") {
                method_ = "GET";
                break;
            }
            if (!http::is_token(value)) return Outcome::invalid;
            method_ = arena.copy(value);
            break;
        case kScheme:
            is_web_ = text::iequals(value, "http") || text::iequals(value, "https");
            if (!is_web_ && !is_scheme(value)) return Outcome::invalid;
            break;
        case kPath:
            // RFC 9113 §8.3.1: path and query. A fragment is neither, and the next server might read it otherwise.
            if (value.find('#') != Text::npos) return malformed(request, "a fragment in \":path\"");
            path_ = arena.copy(value);
            request.is_path_never_indexed = is_never_indexed;
            break;
        case kAuthority: authority_ = arena.copy(value); break;
        case kProtocol: protocol_ = arena.copy(value); break;
        case kUnknown: break;
    }
    return Outcome::taken;
}

RequestHead::Outcome RequestHead::add_regular(Request& request, const Decoded& decoded) {
    const auto& [name, value, is_never_indexed] = decoded;
    has_regular_ = true;
    const NameForm form = form_of(name);
    if (form == NameForm::invalid || !is_value(value)) return Outcome::invalid;
    const uint32_t hash = http::header_name_hash(name);
    const KnownHeader known = form == NameForm::plain ? http::find_known_header(name, hash) : KnownHeader::none;
    if (!is_allowed(known, value)) return Outcome::invalid;
    if (known == KnownHeader::content_length) {
        const std::optional<int64_t> length = parse_length(value);
        if (!length || length_ >= 0) return Outcome::invalid;
        length_ = *length;
    }
    if (is_too_large_ || has_too_many_) return Outcome::taken;
    if (form != NameForm::plain) {
        const auto& server = request.conf<http::ServerConf>();
        const bool is_valid = form == NameForm::underscored && *server.underscores_in_headers;
        if (!is_valid && *server.ignore_invalid_headers) {
            request.log().info("client sent invalid header line: \"", name, ": ", value, "\"");
            return Outcome::taken;
        }
    }
    if (http::is_repeated(request, known, name, value)) {
        has_too_many_ = true;
        return Outcome::taken;
    }
    Arena& arena = request.arena();
    http::Field field{.name = {}, .value = arena.copy(value), .hash = hash};
    field.known = known;
    field.name = known == KnownHeader::none ? arena.copy(name) : http::lower_name_of(known);
    field.is_never_indexed = is_never_indexed;
    SLUICE_LOG_DEBUG(request.log(), "http header: \"", name, ": ", value, "\"");
    // RFC 9113 §8.2.3: a cookie may come in crumbs.
    (known == KnownHeader::cookie ? cookies_ : request.headers).add(arena, field);
    return Outcome::taken;
}

RequestHead::Outcome RequestHead::add_trailer(Request& request, const Decoded& decoded) {
    const auto& [name, value, is_never_indexed] = decoded;
    if (is_flood(request, decoded)) return Outcome::flood;
    const NameForm form = form_of(name);
    if (form == NameForm::invalid || !is_value(value)) return Outcome::invalid;
    const KnownHeader known = http::find_known_header(name);
    if (!is_allowed(known, value)) return Outcome::invalid;
    // RFC 9110 §6.5.1: what frames or routes a message has no place behind it.
    if (known == KnownHeader::content_length || known == KnownHeader::host)
        return malformed(request, "invalid trailer");
    if (form != NameForm::plain || is_too_large_ || has_too_many_) return Outcome::taken;
    http::Field& added =
        request.trailers.add(request.arena(), request.arena().copy(name), request.arena().copy(value));
    added.is_never_indexed = is_never_indexed;
    return Outcome::taken;
}

/// One Cookie of all crumbs; what holds for any of them holds for all.
void RequestHead::add_cookies(Request& request) {
    if (cookies_.empty()) return;
    Arena& arena = request.arena();
    http::Field& cookie = request.headers.add(arena, KnownHeader::cookie, cookies_.joined(arena, "cookie", "; "));
    for (const http::Field& crumb : cookies_) cookie.is_never_indexed |= crumb.is_never_indexed;
}

/// RFC 9113 §8.3.1 and, for CONNECT, §8.5 and RFC 8441 §4.
bool RequestHead::has_its_pseudo_fields() const {
    constexpr uint8_t kNeeded = kMethod | kScheme | kPath;
    const bool is_connect = method_ == "CONNECT";
    if (is_connect && protocol_.empty()) return pseudo_ == (kMethod | kAuthority);
    if (is_connect ? pseudo_ != (kNeeded | kAuthority | kProtocol) : (pseudo_ & ~kAuthority) != kNeeded) return false;
    return !is_web_ || path_.starts_with('/') || (path_ == "*" && method_ == "OPTIONS");
}

RequestHead::Outcome RequestHead::complete(Request& request, bool is_ended) {
    Arena& arena = request.arena();
    request.protocol = "HTTP/2.0";
    request.method_name = method_;
    request.method = http::find_method(method_);
    request.request_line = arena.concat(method_, " ", path_.empty() ? authority_ : path_, " HTTP/2.0");
    add_cookies(request);
    SLUICE_LOG_DEBUG(request.log(), "http request line: \"", request.request_line, "\"");
    if (!has_its_pseudo_fields()) return malformed(request, "pseudo-header fields that make no request");
    if (request.method == http::Method::connect) length_ = -1;
    if (length_ > 0 && is_ended) return malformed(request, "\"Content-Length\" header without a body");
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
