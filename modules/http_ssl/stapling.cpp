// Stapling: configuration, and what OpenSSL asks for in the handshake.
#include "stapling.h"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <sluice/http/server_connection.h>

#include "conf.h"
#include "context.h"
#include "error_queue.h"
#include "staple.h"

namespace sluice::tls {

namespace {

/// Who has signed: one of the chain that is sent, or one that is trusted.
UniqueCertificate find_issuer(SSL_CTX* context, X509* certificate) {
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(context, &chain);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        X509* const one = sk_X509_value(chain, i);
        if (X509_check_issued(one, certificate) != X509_V_OK) continue;
        X509_up_ref(one);
        return UniqueCertificate(one);
    }
    X509_STORE_CTX* const search = X509_STORE_CTX_new();
    X509* issuer = nullptr;
    if (search != nullptr && X509_STORE_CTX_init(search, SSL_CTX_get_cert_store(context), nullptr, nullptr) == 1 &&
        X509_STORE_CTX_get1_issuer(&issuer, search, certificate) != 1)
        issuer = nullptr;
    X509_STORE_CTX_free(search);
    ERR_clear_error();
    return UniqueCertificate(issuer);
}

void warn(conf::Parser& parser, Text what, Text name) {
    // Found when all is read: the line that was read last has nothing to do with it.
    parser.log().warn(0, "\"ssl_stapling\" ignored, ", what, " certificate \"", name, "\"");
}

/// Fills in who is asked; false, with a warning, when nobody can be.
bool find_whom_to_ask(conf::Parser& parser, const ServerTls& tls, Staple& staple) {
    staple.issuer = find_issuer(tls.context.get(), staple.certificate.get());
    if (staple.issuer == nullptr) {
        warn(parser, "issuer certificate not found for", staple.name);
        return false;
    }
    const ServerConf& conf = *tls.conf;
    const std::string url = conf.stapling_responder.is_set() ? std::string(conf.stapling_responder->text)
                                                             : responder_of(staple.certificate.get());
    if (url.empty()) {
        warn(parser, "no OCSP responder URL in the", staple.name);
        return false;
    }
    Result<Responder> responder = find_responder(url);
    if (!responder) {
        warn(parser, parser.arena().concat(responder.error().text, " in the"), staple.name);
        return false;
    }
    staple.responder = std::move(*responder);
    return true;
}

Result<std::string> read_answer(conf::Parser& parser, const Word& file) {
    const Text path = parser.full_conf_path(file.text);
    const auto complain = [&](Text function) {
        return refuse(parser, file.at, make_error(parser.arena().concat(function, "(\"", path, "\") failed")));
    };
    const UniqueBio bio(BIO_new_file(std::string(path).c_str(), "rb"));
    if (bio == nullptr) return complain("BIO_new_file");
    OCSP_RESPONSE* const response = d2i_OCSP_RESPONSE_bio(bio.get(), nullptr);
    if (response == nullptr) return complain("d2i_OCSP_RESPONSE_bio");
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    OCSP_RESPONSE_free(response);
    if (size <= 0) return complain("i2d_OCSP_RESPONSE");
    std::string made(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    return made;
}

/// OpenSSL takes the answer over, and frees it.
int on_status(SSL* ssl, void* data) {
    auto& tls = *static_cast<ServerTls*>(data);
    auto& connection = static_cast<http::ServerConnection&>(TlsTransport::of(ssl).handler());
    const X509* shown = SSL_get_certificate(ssl);
    const auto is_of_it = [&](const auto& staple) { return X509_cmp(staple->certificate.get(), shown) == 0; };
    const auto found = std::find_if(tls.staples.begin(), tls.staples.end(), is_of_it);
    if (shown == nullptr || found == tls.staples.end()) return SSL_TLSEXT_ERR_NOACK;
    const std::string& answer = (*found)->answer(connection.loop());
    if (answer.empty()) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(answer.data(), answer.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(answer.size()));
    return SSL_TLSEXT_ERR_OK;
}

Result<void> add_staple(conf::Parser& parser, ServerTls& tls) {
    const ServerConf& conf = *tls.conf;
    auto staple = std::make_unique<Staple>();
    X509* const leaf = SSL_CTX_get0_certificate(tls.context.get());
    X509_up_ref(leaf);
    staple->certificate.reset(leaf);
    staple->name = name_of(leaf);
    staple->trusted = SSL_CTX_get_cert_store(tls.context.get());
    SSL_CTX_get0_chain_certs(tls.context.get(), &staple->others);
    staple->verifies = *conf.stapling_verify;
    if (is_named(conf.stapling_file)) {
        Result<std::string> answer = read_answer(parser, *conf.stapling_file);
        if (!answer) return answer.error();
        staple->set_fixed(std::move(*answer));
    } else if (!find_whom_to_ask(parser, tls, *staple)) {
        return {};
    }
    tls.staples.push_back(std::move(staple));
    return {};
}

}  // namespace

Result<void> use_stapling(conf::Parser& parser, ServerTls& tls) {
    if (!*tls.conf->stapling) return {};
    SSL_CTX* const context = tls.context.get();
    for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT)) {
        if (Result<void> added = add_staple(parser, tls); !added) return added;
    }
    SSL_CTX_set_tlsext_status_cb(context, on_status);
    SSL_CTX_set_tlsext_status_arg(context, &tls);
    return {};
}

}  // namespace sluice::tls
