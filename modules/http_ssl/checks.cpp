// Checks of requests.
#include "checks.h"

#include <sluice/http/request.h>
#include <sluice/http/server_connection.h>

#include "client_status.h"
#include "conf.h"
#include "handshake.h"

namespace sluice::tls {

using http::Request;
using http::Verdict;

namespace {

constexpr uint16_t kMisdirected = 421;
constexpr uint16_t kCertificateError = 495;
constexpr uint16_t kNoCertificate = 496;
constexpr uint16_t kPlainHttp = 497;

/// A line about what is wrong with a request as it came in.
template <class... Parts>
void report(Request& request, const Parts&... parts) {
    request.set_action("reading client request headers");
    request.log().info(parts...);
    request.set_action({});
}

bool trusts_the_same(const ServerConf& a, const ServerConf& b) {
    return a.client_certificate->text == b.client_certificate->text &&
           a.trusted_certificate->text == b.trusted_certificate->text && a.crl->text == b.crl->text &&
           *a.verify_depth == *b.verify_depth;
}

/// Whether what the handshake has verified says something about this server. Who has named no server, or none that
/// there is, has shaken hands with the default one and is nevertheless heard, as nginx does it; but a certificate
/// that others have vouched for than this server asks is nothing here.
bool is_verified_for(const http::ServerConnection& connection, const TlsTransport& transport,
                     const ServerConf& conf) {
    if (transport.has_chosen_server() && conf_of(connection.server()) != &conf) return false;
    const ServerConf& negotiated = *tls_of(connection).conf;
    return &negotiated == &conf || SSL_get0_peer_certificate(transport.ssl()) == nullptr ||
           trusts_the_same(negotiated, conf);
}

/// Whoever comes back is looked at again.
Verdict refuse(const TlsTransport& transport, uint16_t status) {
    SSL_CTX_remove_session(transport.session_context(), SSL_get0_session(transport.ssl()));
    return Verdict::respond(status);
}

/// What responders say, where they are to be asked.
Verdict check_status(Request& request, TlsTransport& transport, const ServerConf& conf) {
    if (*conf.ocsp == Ocsp::off || SSL_get0_peer_certificate(transport.ssl()) == nullptr) return Verdict::decline();
    ClientStatus& status = ClientStatus::of(transport, request.connection().loop(), conf);
    switch (status.state()) {
        case ClientStatus::State::good: return Verdict::decline();
        case ClientStatus::State::asking: status.wait(request, check_request); return Verdict::suspend();
        case ClientStatus::State::bad: break;
    }
    report(request, "client SSL certificate verify error: ", status.reason());
    return refuse(transport, kCertificateError);
}

Verdict check_certificate(Request& request, TlsTransport& transport, const ServerConf& conf) {
    const SSL* ssl = transport.ssl();
    const long result = SSL_get_verify_result(ssl);
    const bool is_overlooked =
        *conf.verify_client == VerifyClient::optional_no_ca && is_overlooked_without_ca(result);
    if (result != X509_V_OK && !is_overlooked) {
        report(request, "client SSL certificate verify error: (", result, ":", X509_verify_cert_error_string(result),
               ")");
        return refuse(transport, kCertificateError);
    }
    if (*conf.verify_client == VerifyClient::on && SSL_get0_peer_certificate(ssl) == nullptr) {
        report(request, "client sent no required SSL certificate");
        return refuse(transport, kNoCertificate);
    }
    return check_status(request, transport, conf);
}

}  // namespace

bool is_overlooked_without_ca(long result) {
    switch (result) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return true;
        default: return false;
    }
}

Verdict check_request(Request& request) {
    const http::ServerConnection& connection = request.connection();
    if (connection.lacks_security()) {
        report(request, "client sent plain HTTP request to HTTPS port");
        return Verdict::respond(kPlainHttp);
    }
    if (!connection.is_secure()) return Verdict::decline();
    const auto& conf = request.conf<ServerConf>();
    if (*conf.verify_client == VerifyClient::off) return Verdict::decline();
    auto& transport = *static_cast<TlsTransport*>(connection.security());
    if (!is_verified_for(connection, transport, conf)) {
        report(request, "client attempted to request the server name different from the one that was negotiated");
        return Verdict::respond(kMisdirected);
    }
    return check_certificate(request, transport, conf);
}

}  // namespace sluice::tls
