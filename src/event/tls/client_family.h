// The rows of a family's TLS settings, with their prefix as a parameter:
//   constexpr auto kTls = event::tls::client_family<ProxyConf, "proxy_">(http::anywhere);
#pragma once

#include <array>

#include "core/conf/directive.h"
#include "core/conf/prefix.h"
#include "event/tls/settings.h"

namespace sluice::event::tls {

/// `C` derives from ClientSettings. `where`: the contexts of all of them.
template <class C, conf::FixedText P>
constexpr auto client_family(conf::Contexts where) {
    using conf::custom;
    using conf::directive;
    using conf::joined;
    using S = ClientSettings;
    return std::array{
        directive<&S::session_reuse, C>(
            joined<P, "ssl_session_reuse">,
            {.where = where, .initial = "on", .help = "resumes TLS sessions with the same server"}),
        directive<&S::protocols, C>(
            joined<P, "ssl_protocols">,
            {.where = where, .initial = "TLSv1.2 TLSv1.3", .help = "versions of TLS to upstreams"}),
        directive<&S::ciphers, C>(
            joined<P, "ssl_ciphers">,
            {.where = where, .initial = "DEFAULT", .help = "ciphers of TLS 1.2 and before", .syntax = "ciphers"}),
        directive<&S::name, C>(joined<P, "ssl_name">,
                               {.where = where,
                                .help = "who the upstream's certificate should be for; else the host",
                                .syntax = "name"}),
        directive<&S::server_name, C>(
            joined<P, "ssl_server_name">,
            {.where = where, .initial = "off", .help = "tells the name to the upstream (SNI)"}),
        directive<&S::verify, C>(joined<P, "ssl_verify">,
                                 {.where = where, .initial = "off", .help = "verifies the upstream's certificate"}),
        directive<&S::verify_depth, C>(
            joined<P, "ssl_verify_depth">,
            {.where = where, .initial = "1", .help = "longest chain of the upstream's certificate"}),
        directive<&S::trusted_certificate, C>(
            joined<P, "ssl_trusted_certificate">,
            {.where = where, .help = "CA certificates to verify upstreams with", .syntax = "file"}),
        directive<&S::crl, C>(joined<P, "ssl_crl">,
                              {.where = where, .help = "revoked certificates of upstreams", .syntax = "file"}),
        directive<&S::certificate, C>(
            joined<P, "ssl_certificate">,
            {.where = where, .help = "the certificate shown to upstreams", .syntax = "file"}),
        directive<&S::certificate_key, C>(joined<P, "ssl_certificate_key">,
                                          {.where = where, .help = "its private key", .syntax = "file"}),
        custom<&S::certificate_cache, parse::certificate_cache, C>(
            joined<P, "ssl_certificate_cache">, {.where = where,
                                                 .initial = "off",
                                                 .help = "keeps certificates and keys that variables name",
                                                 .arity = {1, 3},
                                                 .syntax = "off | max=N [inactive=time] [valid=time]"}),
        custom<&S::password_file, parse::password_file, C>(
            joined<P, "ssl_password_file">,
            {.where = where, .help = "passphrases of private keys, one a line", .arity = {1, 1}, .syntax = "file"}),
        directive<&S::conf_command, C>(joined<P, "ssl_conf_command">,
                                       {.where = where, .help = "a setting of OpenSSL (SSL_CONF_cmd)"}),
    };
}

}  // namespace sluice::event::tls
