// Responders of OCSP.
#include "ocsp_responder.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <sluice/event/resolve_config.h>

namespace sluice::tls {

Result<Responder> find_responder(Text url) {
    constexpr Text kPrefix = "http://";
    Text rest = url;
    const auto complain = [&](Text what) {
        return Error(std::string(what) + " in OCSP responder \"" + std::string(rest) + "\"");
    };
    if (!url.starts_with(kPrefix)) return complain("invalid URL prefix");
    rest.remove_prefix(kPrefix.size());
    const size_t slash = rest.find('/');
    Responder made;
    made.host = rest.substr(0, slash);
    made.path = slash != Text::npos ? rest.substr(slash) : Text("/");
    constexpr uint16_t kHttp = 80;
    const event::HostPort parts = event::split_host_port(made.host);
    if (!parts.error.empty()) return complain(parts.error);
    Result<std::vector<event::SocketAddress>> addresses = event::resolve_upstream(made.host, kHttp);
    if (!addresses) return complain("host not found");
    made.addresses = std::move(*addresses);
    return made;
}

std::string responder_of(X509* certificate) {
    STACK_OF(OPENSSL_STRING)* const urls = X509_get1_ocsp(certificate);
    if (urls == nullptr) return {};
    std::string first = sk_OPENSSL_STRING_num(urls) > 0 ? sk_OPENSSL_STRING_value(urls, 0) : "";
    X509_email_free(urls);
    return first;
}

std::string make_ocsp_request(X509* certificate, X509* issuer) {
    std::string der;
    OCSP_REQUEST* const request = OCSP_REQUEST_new();
    OCSP_CERTID* const id = OCSP_cert_to_id(nullptr, certificate, issuer);
    if (request != nullptr && id != nullptr && OCSP_request_add0_id(request, id) != nullptr) {
        const int size = i2d_OCSP_REQUEST(request, nullptr);
        der.resize(size > 0 ? static_cast<size_t>(size) : 0);
        auto* to = reinterpret_cast<unsigned char*>(der.data());
        if (!der.empty()) i2d_OCSP_REQUEST(request, &to);
    }
    OCSP_REQUEST_free(request);  // and the id with it
    return der;
}

}  // namespace sluice::tls
