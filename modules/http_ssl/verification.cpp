// Verification of clients: who may have signed their certificates, and which were withdrawn.
#include "authorities.h"
#include "context.h"

namespace sluice::tls {

namespace {

int mode_of(const ServerConf& conf) {
    return *conf.verify_client == VerifyClient::off ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
}

}  // namespace

void set_verification(SSL* ssl, const ServerConf& conf) {
    SSL_set_verify(ssl, mode_of(conf), accept_all);
    SSL_set_verify_depth(ssl, static_cast<int>(*conf.verify_depth));
}

Result<void> use_verification(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    const bool is_asked_for =
        *conf.verify_client == VerifyClient::on || *conf.verify_client == VerifyClient::optional;
    if (is_asked_for && !is_named(conf.client_certificate) && !is_named(conf.trusted_certificate))
        return refuse(parser, {}, Error("no ssl_client_certificate for ssl_verify_client"));
    SSL_CTX_set_verify(context, mode_of(conf), accept_all);
    SSL_CTX_set_verify_depth(context, static_cast<int>(*conf.verify_depth));
    Authorities files;
    if (*conf.verify_client != VerifyClient::off && is_named(conf.client_certificate))
        files.named = &*conf.client_certificate;
    if (is_named(conf.trusted_certificate)) files.trusted = &*conf.trusted_certificate;
    if (is_named(conf.crl)) files.crl = &*conf.crl;
    return use_authorities(parser, context, files);
}

}  // namespace sluice::tls
