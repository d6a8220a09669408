// Verification of clients: who may have signed their certificates, and which were withdrawn.
#include "authorities.h"
#include "context.h"
#include "error_queue.h"

namespace sluice::tls {

namespace {

/// What a resumed session was verified against must be what a full handshake would be now (RFC 5246 §7.4.6): the
/// context's certificates and the names of those who may sign a client's are its identity.
Result<void> use_session_identity(SSL_CTX* context) {
    EVP_MD_CTX* const digest = EVP_MD_CTX_new();
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const auto add_sum = [&](int made) {
        if (made == 1) EVP_DigestUpdate(digest, sum, size);
    };
    bool is_made = digest != nullptr && EVP_DigestInit_ex(digest, EVP_sha256(), nullptr) == 1;
    for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); is_made && more == 1;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT))
        if (X509* const leaf = SSL_CTX_get0_certificate(context))
            add_sum(X509_digest(leaf, EVP_sha256(), sum, &size));
    const STACK_OF(X509_NAME)* const names = SSL_CTX_get_client_CA_list(context);
    for (int i = 0; is_made && i < sk_X509_NAME_num(names); ++i)
        add_sum(X509_NAME_digest(sk_X509_NAME_value(names, i), EVP_sha256(), sum, &size));
    is_made = is_made && EVP_DigestFinal_ex(digest, sum, &size) == 1 &&
              SSL_CTX_set_session_id_context(context, sum, SSL_MAX_SID_CTX_LENGTH) == 1;
    EVP_MD_CTX_free(digest);
    return is_made ? Result<void>() : make_error("SSL_CTX_set_session_id_context() failed");
}

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
    if (Result<void> used = use_authorities(parser, context, files); !used) return used;
    return use_session_identity(context);
}

}  // namespace sluice::tls
