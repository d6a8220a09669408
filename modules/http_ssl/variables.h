// $ssl_*: what is known of a request's connection.
#pragma once

#include <array>

#include <sluice/core/base/arena.h>
#include <sluice/http/variable.h>

#include "openssl.h"

namespace sluice::tls {

/// The SSL of a request's connection; null when it does not travel encrypted.
SSL* ssl_of(const http::Request& request);

/// Bytes in hexadecimal, in lower case.
Text to_hex(Arena& arena, const unsigned char* bytes, size_t size);

// Of the connection (variables.cpp).
Text protocol(const http::Request& request);
Text cipher(const http::Request& request);
Text ciphers(const http::Request& request);
Text curve(const http::Request& request);
Text curves(const http::Request& request);
Text sigalg(const http::Request& request);
Text sigalgs(const http::Request& request);
Text session_id(const http::Request& request);
Text session_reused(const http::Request& request);
Text early_data(const http::Request& request);
Text server_name(const http::Request& request);
Text alpn_protocol(const http::Request& request);
Text nothing(const http::Request& request);

// Of the client's certificate (client_variables.cpp).
Text client_cert(const http::Request& request);
Text client_raw_cert(const http::Request& request);
Text client_escaped_cert(const http::Request& request);
Text client_subject(const http::Request& request);
Text client_issuer(const http::Request& request);
Text client_subject_legacy(const http::Request& request);
Text client_issuer_legacy(const http::Request& request);
Text client_serial(const http::Request& request);
Text client_fingerprint(const http::Request& request);
Text client_verify(const http::Request& request);
Text client_begin(const http::Request& request);
Text client_end(const http::Request& request);
Text client_remain(const http::Request& request);
Text client_sigalg(const http::Request& request);

/// All may be set, as with nginx: `set $ssl_protocol ...`, captures of that name.
inline constexpr std::array kVariables{
    http::Variable{.name = "ssl_protocol", .get = protocol, .changeable = true},
    http::Variable{.name = "ssl_cipher", .get = cipher, .changeable = true},
    http::Variable{.name = "ssl_ciphers", .get = ciphers, .changeable = true},
    http::Variable{.name = "ssl_curve", .get = curve, .changeable = true},
    http::Variable{.name = "ssl_curves", .get = curves, .changeable = true},
    http::Variable{.name = "ssl_sigalg", .get = sigalg, .changeable = true},
    http::Variable{.name = "ssl_sigalgs", .get = sigalgs, .changeable = true},
    http::Variable{.name = "ssl_session_id", .get = session_id, .changeable = true},
    http::Variable{.name = "ssl_session_reused", .get = session_reused, .changeable = true},
    http::Variable{.name = "ssl_early_data", .get = early_data, .cacheable = false, .changeable = true},
    http::Variable{.name = "ssl_server_name", .get = server_name, .changeable = true},
    http::Variable{.name = "ssl_alpn_protocol", .get = alpn_protocol, .changeable = true},
    // OpenSSL 3.0 does not know encrypted hellos: there never is one.
    http::Variable{.name = "ssl_ech_status", .get = nothing, .changeable = true},
    http::Variable{.name = "ssl_ech_outer_server_name", .get = nothing, .changeable = true},
    http::Variable{.name = "ssl_client_cert", .get = client_cert, .changeable = true},
    http::Variable{.name = "ssl_client_raw_cert", .get = client_raw_cert, .changeable = true},
    http::Variable{.name = "ssl_client_escaped_cert", .get = client_escaped_cert, .changeable = true},
    http::Variable{.name = "ssl_client_s_dn", .get = client_subject, .changeable = true},
    http::Variable{.name = "ssl_client_i_dn", .get = client_issuer, .changeable = true},
    http::Variable{.name = "ssl_client_s_dn_legacy", .get = client_subject_legacy, .changeable = true},
    http::Variable{.name = "ssl_client_i_dn_legacy", .get = client_issuer_legacy, .changeable = true},
    http::Variable{.name = "ssl_client_serial", .get = client_serial, .changeable = true},
    http::Variable{.name = "ssl_client_fingerprint", .get = client_fingerprint, .changeable = true},
    http::Variable{.name = "ssl_client_verify", .get = client_verify, .changeable = true},
    http::Variable{.name = "ssl_client_v_start", .get = client_begin, .changeable = true},
    http::Variable{.name = "ssl_client_v_end", .get = client_end, .changeable = true},
    http::Variable{.name = "ssl_client_v_remain", .get = client_remain, .changeable = true},
    http::Variable{.name = "ssl_client_sigalg", .get = client_sigalg, .changeable = true},
};

}  // namespace sluice::tls
