// The header fields that a web server and proxy handle, as an enum: recognised once, when a head is parsed (perfect
// hash), so that nobody compares names afterwards.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::http {

/// In the order of kKnownHeaderNames (known_header.cpp).
enum class KnownHeader : uint8_t {
    none,  ///< any name that is not listed here
    accept,
    accept_charset,
    accept_encoding,
    accept_language,
    accept_ranges,
    access_control_allow_origin,
    age,
    allow,
    alt_svc,
    authorization,
    cache_control,
    connection,
    content_disposition,
    content_encoding,
    content_language,
    content_length,
    content_location,
    content_range,
    content_security_policy,
    content_type,
    cookie,
    date,
    depth,
    destination,
    early_data,
    etag,
    expect,
    expires,
    forwarded,
    from,
    host,
    http2_settings,
    if_header,
    if_match,
    if_modified_since,
    if_none_match,
    if_range,
    if_unmodified_since,
    keep_alive,
    last_modified,
    link,
    location,
    lock_token,
    max_forwards,
    origin,
    overwrite,
    pragma,
    priority,
    proxy,
    proxy_authenticate,
    proxy_authentication_info,
    proxy_authorization,
    proxy_connection,
    range,
    referer,
    refresh,
    retry_after,
    sec_websocket_accept,
    sec_websocket_extensions,
    sec_websocket_key,
    sec_websocket_protocol,
    sec_websocket_version,
    server,
    server_timing,
    set_cookie,
    status,
    strict_transport_security,
    te,
    timeout,
    trailer,
    transfer_encoding,
    upgrade,
    upgrade_insecure_requests,
    user_agent,
    vary,
    via,
    warning,
    www_authenticate,
    x_accel_buffering,
    x_accel_charset,
    x_accel_expires,
    x_accel_limit_rate,
    x_accel_redirect,
    x_forwarded_for,
    x_forwarded_host,
    x_forwarded_proto,
    x_frame_options,
    x_powered_by,
    x_real_ip,
    x_requested_with,
};

constexpr size_t kKnownHeaderCount = static_cast<size_t>(KnownHeader::x_requested_with) + 1;

/// A hash of a header name without regard to ASCII case, the same in every process of one build: compare it before
/// comparing names. Equal for names that differ only in bit 0x20 of some byte; a hit needs text::iequals.
uint32_t header_name_hash(Text name);

/// The field of that name, in any case; `none` when it is not one of ours.
KnownHeader find_known_header(Text name);
/// As above for a caller that has the hash already, for names of letters, digits and hyphens only.
KnownHeader find_known_header(Text plain_name, uint32_t hash);

/// The usual spelling (`Content-Type`), for messages that we write; empty for `none`.
Text name_of(KnownHeader header);
/// The spelling in lower case (HTTP/2, RFC 9113 §8.2); empty for `none`.
Text lower_name_of(KnownHeader header);

}  // namespace sluice::http
