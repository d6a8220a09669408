// ClientTransport: who the upstream is, and its session.
#include "client_transport.h"

#include <openssl/x509v3.h>
#include <sluice/event/address.h>

namespace sluice::tls {

bool is_ip_address(Text name) {
    return event::SocketAddress::parse_ip(name, 0).has_value();
}

bool ClientTransport::keep_session(SSL_SESSION* session) {
    if (identity_.session_key.empty()) return false;
    identity_.sessions->keep(identity_.session_key, UniqueSession(session));
    return true;
}

void ClientTransport::on_secured() {
    const Result<void> verified = identity_.verifies ? verify() : Result<void>{};
    if (!verified) return user_.on_handshake_failed(verified.error());
    user_.on_secured();
}

Result<void> ClientTransport::verify() const {
    const long result = SSL_get_verify_result(ssl());
    if (result != X509_V_OK)
        return Error("upstream SSL certificate verify error: (" + std::to_string(result) + ":" +
                     X509_verify_cert_error_string(result) + ")");
    const UniqueCertificate certificate(SSL_get1_peer_certificate(ssl()));
    if (certificate != nullptr && is_certificate_for(certificate.get())) return {};
    return Error("upstream SSL certificate does not match \"" + identity_.name + "\"");
}

bool ClientTransport::is_certificate_for(X509* certificate) const {
    const std::string& name = identity_.name;
    if (name.empty()) return false;
    if (X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1) return true;
    // An address must stand in the certificate as one (RFC 9110 §4.3.5).
    return is_ip_address(name) && X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
}

// What does not look like a handshake is for OpenSSL to refuse.
void ClientTransport::on_not_secure(event::Received&) {}

}  // namespace sluice::tls
