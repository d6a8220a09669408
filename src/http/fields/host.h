// Hosts: the Host field and the authority of a request target (RFC 9110 §7.2, RFC 3986 §3.2), validated, split and
// brought into the form that server names are compared in.
#pragma once

#include <optional>
#include <span>

#include "core/base/text.h"

namespace sluice::http {

/// `host[:port]`, as sent; the texts lie within what was parsed.
struct Authority {
    Text host;                   ///< never empty; an IPv6 literal keeps its brackets; one trailing dot is stripped
    Text port;                   ///< digits, at most 65535; empty when the colon has none behind it
    bool has_port = false;       ///< there was a colon behind the host
    bool is_ip_literal = false;  ///< `[…]`
};

/// Splits and validates. Nothing for an empty host, a character that RFC 3986 does not allow in one (user info
/// included), `..`, a broken IPv6 literal, or a port that is no number up to 65535.
std::optional<Authority> parse_authority(Text value);

/// True for the address inside the brackets of an IPv6 literal (RFC 3986 §3.2.2); zone identifiers are refused.
bool is_ipv6_address(Text address);

/// Writes `host` in lower case into `out`, which has room for as many bytes; returns the part written. If `host` is
/// in lower case already it is returned itself and `out` stays untouched.
Text lower_case_host(Text host, std::span<char> out);

}  // namespace sluice::http
