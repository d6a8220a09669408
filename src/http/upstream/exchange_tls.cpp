// Exchange: TLS to the upstream: who it should be, the handshake, and whether an end was meant.
#include "event/loop.h"
#include "http/server_connection.h"
#include "http/upstream/exchange.h"

namespace sluice::http::upstream {

void Exchange::settle_security() {
    if (destination_.tls == nullptr) return;
    const event::tls::ClientSettings& tls = *destination_.tls;
    const Text host = tls.name.is_set() ? tls.name->evaluate(request_) : destination_.host;
    tls_name_ = event::tls::name_without_port(host);
    security_.client = tls.context->client();
    if (tls.has_variable_certificate()) {
        certificate_ = tls.certificate->value.evaluate(request_);
        certificate_key_ = tls.certificate_key->value.evaluate(request_);
    }
    // The name comes last: it may be anything.
    security_.identity = arena().concat(*tls.server_name ? "+" : "-", certificate_, "\n", certificate_key_, "\n",
                                        tls.alpn, "\n", tls_name_);
}

Result<std::unique_ptr<event::SecureTransport>> Exchange::make_transport(event::Connection& connection,
                                                                         event::HandshakeHandler& handler) {
    const event::SocketAddress address = peer_address();
    const event::tls::Wanted wanted{.name = tls_name_,
                                    .certificate = certificate_,
                                    .certificate_key = certificate_key_,
                                    .identity = security_.identity,
                                    .peer = address,
                                    .settings = *destination_.tls};
    return security_.client->begin(connection, wanted, handler);
}

/// Where only the end of the connection tells the end of a body, that end must have been announced: anybody on the
/// way can forge a FIN (RFC 9112 §9.8).
bool Exchange::is_truncated() const {
    const event::SecureTransport* transport = connection_->transport();
    return transport != nullptr && !transport->is_end_announced();
}

}  // namespace sluice::http::upstream
