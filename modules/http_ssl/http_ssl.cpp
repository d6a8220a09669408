// http_ssl: encrypts clients' connections.
//   listen 443 ssl;  ssl_certificate /etc/ssl/site.pem;  ssl_certificate_key /etc/ssl/site.key;
#include <sluice/http/conf/http_conf.h>
#include <sluice/http/conf/tree.h>
#include <sluice/http/module.h>

#include "build.h"
#include "certificate_settings.h"
#include "certificate_watch.h"
#include "checks.h"
#include "client.h"
#include "client_status.h"
#include "conf.h"
#include "handshake.h"
#include "ocsp_cache.h"
#include "session_cache.h"
#include "tickets.h"
#include "variables.h"

namespace {

using namespace sluice;
using namespace sluice::tls;
using conf::Parser;

constexpr conf::Contexts kWhere = conf::Context::http | conf::Context::http_server;

// --- after inheritance ---

Error lacks_certificate(Parser& parser, const http::Server& server) {
    char room[16];
    parser.point_without_place({.file = server.file, .line = server.line, .column = 1});
    return Error(parser.arena().concat("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in ",
                                       server.file, ":", TextBuilder(room).add(server.line).text()));
}

/// Every server that a handshake may lead to can answer it: one without certificates does so with those of the
/// default server, unless that one has none either and refuses its clients.
Result<void> check_certificates(Parser& parser, const http::Address& address) {
    const ServerConf* const first = conf_of(*address.default_server);
    if (first != nullptr && !first->certificates->empty()) return {};
    if (first == nullptr || !*first->reject_handshake) return lacks_certificate(parser, *address.default_server);
    for (const http::Server* server : address.servers) {
        const ServerConf* conf = conf_of(*server);
        if (conf == nullptr || conf->tls == nullptr) return lacks_certificate(parser, *server);
    }
    return {};
}

Result<void> configured(Parser& parser, http::HttpConf& http) {
    Seconds lifetime;
    for (const auto& server : http.servers)
        if (const ServerConf* conf = conf_of(*server)) lifetime = std::max(lifetime, *conf->session_timeout);
    Result<shm::Zone*> tickets = declare_ticket_zone(parser, lifetime);
    if (!tickets) return tickets.error();
    for (const auto& server : http.servers) {
        auto* const conf = static_cast<ServerConf*>(server->confs.find(conf::slot_of<ServerConf>()));
        if (conf == nullptr) continue;
        if (Result<void> built = build_tls(parser, *conf, **tickets); !built) return built;
    }
    watch_certificates(parser, http, **tickets);
    for (const auto& endpoint : http.endpoints)
        for (const auto& address : endpoint->addresses) {
            if (!address->flags.is_ssl) continue;
            if (Result<void> checked = check_certificates(parser, *address); !checked) return checked;
        }
    return {};
}

using conf::custom;
using conf::directive;

constexpr std::array kDirectives{
    directive<&ServerConf::certificates>(
        "ssl_certificate",
        {.where = kWhere, .help = "the server's certificate and those that lead to its root (PEM)"}),
    directive<&ServerConf::keys>(
        "ssl_certificate_key",
        {.where = kWhere,
         .help = "the private key of ssl_certificate: a file, \"data:\", \"store:\" or \"engine:\""}),
    custom<&ServerConf::password_file, event::tls::parse::password_file>(
        "ssl_password_file",
        {.where = kWhere, .help = "passwords of encrypted keys, one a line", .arity = {1, 1}, .syntax = "file"}),
    custom<&ServerConf::certificate_cache, event::tls::parse::certificate_cache>(
        "ssl_certificate_cache",
        {.where = kWhere,
         .initial = "off",
         .help = "how many certificates and keys whose names hold variables a worker keeps, and how long",
         .arity = {1, 3},
         .syntax = "off | max=N [inactive=time] [valid=time]"}),
    directive<&ServerConf::certificate_watch>(
        "ssl_certificate_watch",
        {.where = kWhere,
         .initial = "off",
         .help = "certificates and keys whose files have changed are taken up without a reload, if they are good"}),
    custom<&ServerConf::certificate_compression, parse_certificate_compression>(
        "ssl_certificate_compression",
        {.where = kWhere,
         .initial = "off",
         .help = "certificates are sent compressed (RFC 8879); OpenSSL 3.0 can't, and the setting has no effect",
         .arity = {1, 1},
         .syntax = "on | off"}),
    custom<&ServerConf::ech_file, parse_ech_file>(
        "ssl_ech_file", {.where = kWhere,
                         .help = "keys for encrypted hellos; OpenSSL 3.0 can't, and the setting has no effect",
                         .arity = {1, 1},
                         .may_repeat = true,
                         .syntax = "file"}),
    directive<&ServerConf::protocols>(
        "ssl_protocols", {.where = kWhere, .initial = "TLSv1.2 TLSv1.3", .help = "versions of TLS that are spoken"}),
    directive<&ServerConf::ciphers>("ssl_ciphers", {.where = kWhere,
                                                    .initial = "HIGH:!aNULL:!MD5",
                                                    .help = "ciphers up to TLSv1.2, as OpenSSL writes such lists",
                                                    .syntax = "ciphers"}),
    directive<&ServerConf::prefer_server_ciphers>(
        "ssl_prefer_server_ciphers",
        {.where = kWhere, .initial = "off", .help = "the server's order of ciphers decides, not the client's"}),
    directive<&ServerConf::curves>("ssl_ecdh_curve", {.where = kWhere,
                                                      .initial = "auto",
                                                      .help = "curves for the exchange of keys, best first",
                                                      .syntax = "curve"}),
    directive<&ServerConf::dhparam>("ssl_dhparam",
                                    {.where = kWhere, .help = "parameters for DHE ciphers (PEM)", .syntax = "file"}),
    directive<&ServerConf::buffer_size>("ssl_buffer_size", {.where = kWhere,
                                                            .initial = "16k",
                                                            .help = "most bytes of a record; by default the first "
                                                                    "records after a pause are smaller",
                                                            .range = {1, INT32_MAX}}),
    directive<&ServerConf::verify_client>(
        "ssl_verify_client", {.where = kWhere, .initial = "off", .help = "whether clients show certificates"}),
    directive<&ServerConf::verify_depth>(
        "ssl_verify_depth",
        {.where = kWhere, .initial = "1", .help = "most certificates between a client's and a trusted one"}),
    directive<&ServerConf::client_certificate>(
        "ssl_client_certificate",
        {.where = kWhere, .help = "who may have signed clients' certificates; clients are told", .syntax = "file"}),
    directive<&ServerConf::trusted_certificate>(
        "ssl_trusted_certificate",
        {.where = kWhere, .help = "as ssl_client_certificate, without telling clients", .syntax = "file"}),
    directive<&ServerConf::crl>(
        "ssl_crl", {.where = kWhere, .help = "certificates that were withdrawn (PEM)", .syntax = "file"}),
    directive<&ServerConf::session_tickets>(
        "ssl_session_tickets", {.where = kWhere,
                                .initial = "on",
                                .help = "sessions are kept by clients, encrypted, and resumed from there"}),
    custom<&ServerConf::session_cache, parse_session_cache>(
        "ssl_session_cache", {.where = kWhere,
                              .initial = "none",
                              .help = "where sessions are kept that clients come back to",
                              .arity = {1, 2},
                              .may_repeat = true,
                              .syntax = "off | none | [builtin[:size]] [shared:name:size]"}),
    directive<&ServerConf::session_timeout>(
        "ssl_session_timeout",
        {.where = kWhere, .initial = "5m", .help = "how long a client may come back to a session"}),
    directive<&ServerConf::ticket_keys>(
        "ssl_session_ticket_key",
        {.where = kWhere, .help = "a key of tickets, 48 or 80 bytes; the first one encrypts", .syntax = "file"}),
    directive<&ServerConf::ocsp>("ssl_ocsp",
                                 {.where = kWhere,
                                  .initial = "off",
                                  .help = "responders are asked whether clients' certificates were withdrawn"}),
    directive<&ServerConf::ocsp_responder>(
        "ssl_ocsp_responder",
        {.where = kWhere, .help = "who is asked, instead of the one that the certificate names", .syntax = "url"}),
    custom<&ServerConf::ocsp_cache, parse_ocsp_cache>("ssl_ocsp_cache",
                                                      {.where = kWhere,
                                                       .initial = "off",
                                                       .help = "where the answers are kept as long as they are valid",
                                                       .arity = {1, 1},
                                                       .syntax = "off | shared:name:size"}),
    directive<&ServerConf::stapling>("ssl_stapling",
                                     {.where = kWhere,
                                      .initial = "off",
                                      .help = "clients are shown that the certificate was not withdrawn (OCSP)"}),
    directive<&ServerConf::stapling_file>(
        "ssl_stapling_file",
        {.where = kWhere, .help = "what they are shown (DER), instead of asking a responder", .syntax = "file"}),
    directive<&ServerConf::stapling_responder>(
        "ssl_stapling_responder",
        {.where = kWhere, .help = "who is asked, instead of the one that the certificate names", .syntax = "url"}),
    directive<&ServerConf::stapling_verify>(
        "ssl_stapling_verify", {.where = kWhere,
                                .initial = "off",
                                .help = "the responder's answers are verified by ssl_trusted_certificate"}),
    directive<&ServerConf::early_data>("ssl_early_data",
                                       {.where = kWhere,
                                        .initial = "off",
                                        .help = "requests may come before the handshake ends; they can be replayed"}),
    directive<&ServerConf::reject_handshake>(
        "ssl_reject_handshake", {.where = kWhere, .initial = "off", .help = "refuses clients that name this server"}),
    directive<&ServerConf::commands>("ssl_conf_command",
                                     {.where = kWhere, .help = "a setting as OpenSSL's own configuration has it"}),
};

// In front of realip: what comes the wrong way is not looked at any further.
constexpr std::array kPhases{http::PhaseHandler{http::Phase::post_read, check_request, -100}};

constexpr http::Module kModule{
    .name = "http_ssl",
    .server = http::conf_type<ServerConf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .phases = kPhases,
    .state = http::state_type<StatusWaiter>(),
    .configured = configured,
    .worker_stopping = cancel_fetches,
    .security = &kSecurity,
    .tls_clients = &kUpstreamClients,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
