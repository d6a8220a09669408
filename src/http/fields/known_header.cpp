// Names of the known header fields and the perfect hash that finds them. A new field is a new row: the compiler
// searches the hash's seed.
#include "http/fields/known_header.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

namespace sluice::http {
namespace {

struct Row {
    KnownHeader header;
    Text name;
    Text lower;
};

constexpr std::array kRows{
    Row{KnownHeader::none, "", ""},
    Row{KnownHeader::accept, "Accept", "accept"},
    Row{KnownHeader::accept_charset, "Accept-Charset", "accept-charset"},
    Row{KnownHeader::accept_encoding, "Accept-Encoding", "accept-encoding"},
    Row{KnownHeader::accept_language, "Accept-Language", "accept-language"},
    Row{KnownHeader::accept_ranges, "Accept-Ranges", "accept-ranges"},
    Row{KnownHeader::access_control_allow_origin, "Access-Control-Allow-Origin", "access-control-allow-origin"},
    Row{KnownHeader::age, "Age", "age"},
    Row{KnownHeader::allow, "Allow", "allow"},
    Row{KnownHeader::alt_svc, "Alt-Svc", "alt-svc"},
    Row{KnownHeader::authorization, "Authorization", "authorization"},
    Row{KnownHeader::cache_control, "Cache-Control", "cache-control"},
    Row{KnownHeader::connection, "Connection", "connection"},
    Row{KnownHeader::content_disposition, "Content-Disposition", "content-disposition"},
    Row{KnownHeader::content_encoding, "Content-Encoding", "content-encoding"},
    Row{KnownHeader::content_language, "Content-Language", "content-language"},
    Row{KnownHeader::content_length, "Content-Length", "content-length"},
    Row{KnownHeader::content_location, "Content-Location", "content-location"},
    Row{KnownHeader::content_range, "Content-Range", "content-range"},
    Row{KnownHeader::content_security_policy, "Content-Security-Policy", "content-security-policy"},
    Row{KnownHeader::content_type, "Content-Type", "content-type"},
    Row{KnownHeader::cookie, "Cookie", "cookie"},
    Row{KnownHeader::date, "Date", "date"},
    Row{KnownHeader::depth, "Depth", "depth"},
    Row{KnownHeader::destination, "Destination", "destination"},
    Row{KnownHeader::early_data, "Early-Data", "early-data"},
    Row{KnownHeader::etag, "ETag", "etag"},
    Row{KnownHeader::expect, "Expect", "expect"},
    Row{KnownHeader::expires, "Expires", "expires"},
    Row{KnownHeader::forwarded, "Forwarded", "forwarded"},
    Row{KnownHeader::from, "From", "from"},
    Row{KnownHeader::host, "Host", "host"},
    Row{KnownHeader::http2_settings, "HTTP2-Settings", "http2-settings"},
    Row{KnownHeader::if_header, "If", "if"},
    Row{KnownHeader::if_match, "If-Match", "if-match"},
    Row{KnownHeader::if_modified_since, "If-Modified-Since", "if-modified-since"},
    Row{KnownHeader::if_none_match, "If-None-Match", "if-none-match"},
    Row{KnownHeader::if_range, "If-Range", "if-range"},
    Row{KnownHeader::if_unmodified_since, "If-Unmodified-Since", "if-unmodified-since"},
    Row{KnownHeader::keep_alive, "Keep-Alive", "keep-alive"},
    Row{KnownHeader::last_modified, "Last-Modified", "last-modified"},
    Row{KnownHeader::link, "Link", "link"},
    Row{KnownHeader::location, "Location", "location"},
    Row{KnownHeader::lock_token, "Lock-Token", "lock-token"},
    Row{KnownHeader::max_forwards, "Max-Forwards", "max-forwards"},
    Row{KnownHeader::origin, "Origin", "origin"},
    Row{KnownHeader::overwrite, "Overwrite", "overwrite"},
    Row{KnownHeader::pragma, "Pragma", "pragma"},
    Row{KnownHeader::priority, "Priority", "priority"},
    Row{KnownHeader::proxy, "Proxy", "proxy"},
    Row{KnownHeader::proxy_authenticate, "Proxy-Authenticate", "proxy-authenticate"},
    Row{KnownHeader::proxy_authentication_info, "Proxy-Authentication-Info", "proxy-authentication-info"},
    Row{KnownHeader::proxy_authorization, "Proxy-Authorization", "proxy-authorization"},
    Row{KnownHeader::proxy_connection, "Proxy-Connection", "proxy-connection"},
    Row{KnownHeader::range, "Range", "range"},
    Row{KnownHeader::referer, "Referer", "referer"},
    Row{KnownHeader::refresh, "Refresh", "refresh"},
    Row{KnownHeader::retry_after, "Retry-After", "retry-after"},
    Row{KnownHeader::sec_websocket_accept, "Sec-WebSocket-Accept", "sec-websocket-accept"},
    Row{KnownHeader::sec_websocket_extensions, "Sec-WebSocket-Extensions", "sec-websocket-extensions"},
    Row{KnownHeader::sec_websocket_key, "Sec-WebSocket-Key", "sec-websocket-key"},
    Row{KnownHeader::sec_websocket_protocol, "Sec-WebSocket-Protocol", "sec-websocket-protocol"},
    Row{KnownHeader::sec_websocket_version, "Sec-WebSocket-Version", "sec-websocket-version"},
    Row{KnownHeader::server, "Server", "server"},
    Row{KnownHeader::server_timing, "Server-Timing", "server-timing"},
    Row{KnownHeader::set_cookie, "Set-Cookie", "set-cookie"},
    Row{KnownHeader::status, "Status", "status"},
    Row{KnownHeader::strict_transport_security, "Strict-Transport-Security", "strict-transport-security"},
    Row{KnownHeader::te, "TE", "te"},
    Row{KnownHeader::timeout, "Timeout", "timeout"},
    Row{KnownHeader::trailer, "Trailer", "trailer"},
    Row{KnownHeader::transfer_encoding, "Transfer-Encoding", "transfer-encoding"},
    Row{KnownHeader::upgrade, "Upgrade", "upgrade"},
    Row{KnownHeader::upgrade_insecure_requests, "Upgrade-Insecure-Requests", "upgrade-insecure-requests"},
    Row{KnownHeader::user_agent, "User-Agent", "user-agent"},
    Row{KnownHeader::vary, "Vary", "vary"},
    Row{KnownHeader::via, "Via", "via"},
    Row{KnownHeader::warning, "Warning", "warning"},
    Row{KnownHeader::www_authenticate, "WWW-Authenticate", "www-authenticate"},
    Row{KnownHeader::x_accel_buffering, "X-Accel-Buffering", "x-accel-buffering"},
    Row{KnownHeader::x_accel_charset, "X-Accel-Charset", "x-accel-charset"},
    Row{KnownHeader::x_accel_expires, "X-Accel-Expires", "x-accel-expires"},
    Row{KnownHeader::x_accel_limit_rate, "X-Accel-Limit-Rate", "x-accel-limit-rate"},
    Row{KnownHeader::x_accel_redirect, "X-Accel-Redirect", "x-accel-redirect"},
    Row{KnownHeader::x_forwarded_for, "X-Forwarded-For", "x-forwarded-for"},
    Row{KnownHeader::x_forwarded_host, "X-Forwarded-Host", "x-forwarded-host"},
    Row{KnownHeader::x_forwarded_proto, "X-Forwarded-Proto", "x-forwarded-proto"},
    Row{KnownHeader::x_frame_options, "X-Frame-Options", "x-frame-options"},
    Row{KnownHeader::x_powered_by, "X-Powered-By", "x-powered-by"},
    Row{KnownHeader::x_real_ip, "X-Real-IP", "x-real-ip"},
    Row{KnownHeader::x_requested_with, "X-Requested-With", "x-requested-with"},
};

consteval bool are_rows_in_order() {
    for (size_t i = 0; i < kRows.size(); ++i) {
        if (static_cast<size_t>(kRows[i].header) != i || kRows[i].name.size() != kRows[i].lower.size()) return false;
        for (size_t j = 0; j < kRows[i].name.size(); ++j) {
            if (text::to_lower(kRows[i].name[j]) != kRows[i].lower[j]) return false;
        }
    }
    return kRows.size() == kKnownHeaderCount;
}
static_assert(are_rows_in_order());

constexpr uint64_t kCaseBits = 0x2020202020202020ULL;

/// `length` <= 8 bytes, the first one lowest, on machines of either byte order.
constexpr uint64_t load(const char* at, size_t length) {
    uint64_t word = 0;
    if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
        std::memcpy(&word, at, length);
        return word;
    }
    for (size_t i = 0; i < length; ++i) word |= static_cast<uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
    return word;
}

/// First and last eight bytes, overlapping in names shorter than 16; short names are read in two pieces of four or,
/// below that, byte by byte. Every name that differs in length, beginning or end gets its own value with high odds.
constexpr uint64_t mix(Text name) {
    constexpr uint64_t kFirst = 0x9e3779b97f4a7c15ULL;
    constexpr uint64_t kSecond = 0xd6e8feb86659fd93ULL;
    const char* at = name.data();
    const size_t size = name.size();
    uint64_t head = 0;
    uint64_t tail = 0;
    if (size >= 8) {
        head = load(at, 8) | kCaseBits;
        tail = load(at + size - 8, 8) | kCaseBits;
    } else if (size >= 4) {
        head = load(at, 4) | (kCaseBits >> 32U);
        tail = load(at + size - 4, 4) | (kCaseBits >> 32U);
    } else {
        for (size_t i = 0; i < size; ++i)
            head = (head << 8U) | static_cast<uint64_t>(static_cast<unsigned char>(at[i]) | 0x20U);
    }
    uint64_t state = (head + size) * kFirst;
    state = (state ^ (state >> 29U) ^ tail) * kSecond;
    return state ^ (state >> 32U);
}

constexpr uint32_t short_hash(Text name) {
    return static_cast<uint32_t>(mix(name));
}

constexpr uint32_t kSlotBits = 10;
using Slots = std::array<KnownHeader, 1U << kSlotBits>;

constexpr uint32_t slot_of(uint32_t hash, uint32_t seed) {
    return (hash * seed) >> (32 - kSlotBits);
}

consteval bool is_perfect(uint32_t seed) {
    std::array<bool, 1U << kSlotBits> taken{};
    for (size_t i = 1; i < kRows.size(); ++i) {
        bool& slot = taken[slot_of(short_hash(kRows[i].lower), seed)];
        if (slot) return false;
        slot = true;
    }
    return true;
}

consteval uint32_t find_seed() {
    for (uint32_t seed = 0x9e3779b1U, tries = 0; tries < 20000; seed += 2, ++tries) {
        if (is_perfect(seed)) return seed;
    }
    return 0;
}

constexpr uint32_t kSeed = find_seed();
static_assert(kSeed != 0, "known header names collide: enlarge kSlotBits");

consteval Slots fill_slots() {
    Slots slots{};
    for (size_t i = 1; i < kRows.size(); ++i) slots[slot_of(short_hash(kRows[i].lower), kSeed)] = kRows[i].header;
    return slots;
}

constexpr Slots kSlots = fill_slots();

/// `plain` consists of letters, digits and hyphens, all of which bit 0x20 turns into lower case.
bool equals_lower(Text plain, Text lower) {
    if (plain.size() != lower.size()) return false;
    size_t i = 0;
    for (; i + 8 <= lower.size(); i += 8) {
        if ((load(plain.data() + i, 8) | kCaseBits) != load(lower.data() + i, 8)) return false;
    }
    for (; i < lower.size(); ++i) {
        if (static_cast<char>(plain[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

}  // namespace

uint32_t header_name_hash(Text name) {
    return short_hash(name);
}

KnownHeader find_known_header(Text plain_name, uint32_t hash) {
    const KnownHeader candidate = kSlots[slot_of(hash, kSeed)];
    return equals_lower(plain_name, lower_name_of(candidate)) ? candidate : KnownHeader::none;
}

KnownHeader find_known_header(Text name) {
    const KnownHeader candidate = kSlots[slot_of(short_hash(name), kSeed)];
    return text::iequals(name, lower_name_of(candidate)) ? candidate : KnownHeader::none;
}

Text name_of(KnownHeader header) {
    return kRows[static_cast<size_t>(header)].name;
}
Text lower_name_of(KnownHeader header) {
    return kRows[static_cast<size_t>(header)].lower;
}

}  // namespace sluice::http
