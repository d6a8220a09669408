// Exchange: TLS to the upstream: who it should be, the handshake, and whether an end was meant.
#include <cerrno>

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

void Exchange::shake_hands() {
    event::Connection& socket = connection_->socket();
    const event::tls::Wanted wanted{.name = tls_name_,
                                    .certificate = certificate_,
                                    .certificate_key = certificate_key_,
                                    .identity = security_.identity,
                                    .peer = connection_->peer(),
                                    .settings = *destination_.tls};
    Result<std::unique_ptr<event::SecureTransport>> made = security_.client->begin(socket, wanted, *this);
    if (!made) {
        request_.log().error(made.error().number, made.error().text);
        return end_with(500);
    }
    connection_->secure(std::move(*made), security_);
    enter(State::handshaking);
    connection_->transport()->start(socket);
}

void Exchange::on_secured() {
    if (has_ended()) return;
    // As in nginx, the handshake is a part of the time that it takes to connect.
    begin_dialogue();
}

void Exchange::on_handshake_failed(const Error& error) {
    if (has_ended()) return;
    request_.log().error(error.number, error.text);
    fail(Failure::error);
}

/// `number`: of what broke the connection; 0 where it just ended.
void Exchange::lose_in_handshake(int number) {
    request_.log().error(number, "peer closed connection in SSL handshake");
    fail(Failure::error);
}

void Exchange::close_in_handshake() {
    lose_in_handshake(0);
}

/// Where only the end of the connection tells the end of a body, that end must have been announced: anybody on the
/// way can forge a FIN (RFC 9112 §9.8).
bool Exchange::is_truncated() const {
    const event::SecureTransport* transport = connection_->transport();
    return transport != nullptr && !transport->is_end_announced();
}

}  // namespace sluice::http::upstream
