// UpstreamClients: OpenSSL's context from a family's settings. Errors carry nginx's words and OpenSSL's reasons, and
// point at the directive.
#include <openssl/err.h>
#include <sluice/core/conf/parser.h>

#include "authorities.h"
#include "client.h"
#include "context_parts.h"
#include "error_queue.h"

namespace sluice::tls {

using conf::Parser;
using event::tls::ClientSettings;
using event::tls::Word;

namespace {

Result<void> use_ciphers(Parser& parser, SSL_CTX* context, const ClientSettings& settings) {
    return use_cipher_list(parser, context, *settings.ciphers);
}

Result<void> use_own_certificate(Parser& parser, SSL_CTX* context, const ClientSettings& settings) {
    if (!settings.certificate.is_set()) return {};
    if (!settings.certificate_key.is_set())
        return refuse(parser, settings.certificate->at,
                      Error(parser.arena().concat("no \"", settings.prefix,
                                                  "ssl_certificate_key\" is defined for certificate \"",
                                                  settings.certificate->value.source(), "\"")));
    if (settings.has_variable_certificate()) return {};
    return use_certificate(parser, context,
                           {*settings.certificate, *settings.certificate_key, *settings.password_file});
}

Result<void> use_verification(Parser& parser, SSL_CTX* context, const ClientSettings& settings) {
    if (!*settings.verify) return {};
    const Word& file = *settings.trusted_certificate;
    if (!is_named(settings.trusted_certificate)) {
        parser.point_without_place(settings.verify);
        return Error(parser.arena().concat("no ", settings.prefix, "ssl_trusted_certificate for ", settings.prefix,
                                           "ssl_verify"));
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_all);
    SSL_CTX_set_verify_depth(context, static_cast<int>(*settings.verify_depth));
    return use_authorities(parser, context,
                           {.trusted = &file, .crl = is_named(settings.crl) ? &*settings.crl : nullptr});
}

Result<void> use_conf_commands(Parser& parser, SSL_CTX* context, const ClientSettings& settings) {
    return use_commands(parser, context, *settings.conf_command, SSL_CONF_FLAG_CLIENT);
}

}  // namespace

Result<event::tls::Client*> UpstreamClients::make(Parser& parser, const ClientSettings& settings) const {
    ERR_clear_error();
    UniqueContext context(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr) return make_error("SSL_CTX_new() failed");
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | options_without(*settings.protocols));
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    for (const auto use : {use_ciphers, use_own_certificate, use_verification, use_conf_commands})
        if (Result<void> used = use(parser, context.get(), settings); !used) return used.error();
    ERR_clear_error();
    return parser.arena().make<UpstreamClient>(std::move(context), settings, parser.environment().conf_prefix);
}

}  // namespace sluice::tls
