// ClientStatus.
#include "client_status.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sluice/event/resolve_config.h>
#include <sluice/http/server_connection.h>

#include "conf.h"
#include "error_queue.h"
#include "ocsp_answer.h"
#include "ocsp_cache.h"

namespace sluice::tls {

namespace {

/// Names in certificates come from outside: they are not looked up while everybody waits.
bool is_address(Text url) {
    constexpr Text kPrefix = "http://";
    if (!url.starts_with(kPrefix)) return true;  // find_responder() says what is wrong
    const Text rest = url.substr(kPrefix.size());
    const Text host = event::split_host_port(rest.substr(0, rest.find('/'))).host;
    return !host.empty() && host.find_first_not_of("0123456789.:[]abcdefABCDEF") == Text::npos &&
           (host.front() == '[' || (host.back() >= '0' && host.back() <= '9'));
}

}  // namespace

void StatusWaiter::on_client_gone(http::Request& gone) {
    unlink();
    gone.log().info("client prematurely closed connection");
    gone.finish(http::kStatusClientClosed);
}

ClientStatus& ClientStatus::of(TlsTransport& transport, event::Loop& loop, const ServerConf& conf) {
    if (transport.companion == nullptr) {
        auto* const made = new ClientStatus(transport, loop, conf);
        transport.companion.reset(made);
        made->find_chain();
        made->go_on();
    }
    return static_cast<ClientStatus&>(*transport.companion);
}

ClientStatus::ClientStatus(TlsTransport& transport, event::Loop& loop, const ServerConf& conf)
    : transport_(transport), loop_(loop), conf_(conf) {}

ClientStatus::~ClientStatus() {
    if (fetch_ != nullptr) fetch_->cancel();
}

/// A session that was resumed brings the certificate without its chain.
void ClientStatus::find_chain() {
    SSL* const ssl = transport_.ssl();
    if (STACK_OF(X509)* const verified = SSL_get0_verified_chain(ssl)) {
        chain_.reset(X509_chain_up_ref(verified));
        return;
    }
    X509_STORE_CTX* const search = X509_STORE_CTX_new();
    X509_STORE* const trusted = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (search != nullptr &&
        X509_STORE_CTX_init(search, trusted, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl)) == 1) {
        X509_verify_cert(search);
        chain_.reset(X509_STORE_CTX_get1_chain(search));
    }
    X509_STORE_CTX_free(search);
    ERR_clear_error();
}

/// One certificate after the other, up to the one that nobody has signed but itself.
void ClientStatus::go_on() {
    while (state_ == State::asking && fetch_ == nullptr) {
        const int count = *conf_.ocsp == Ocsp::leaf ? 1 : sk_X509_num(chain_.get()) - 1;
        if (sk_X509_num(chain_.get()) < 2 && next_ == 0) return end(State::bad, "certificate status request failed");
        if (next_ >= count) return end(State::good, {});
        if (!ask()) return end(State::bad, "certificate status request failed");
    }
}

/// False when it can't be done; true with no fetch under way when the answer was at hand.
bool ClientStatus::ask() {
    X509* const certificate = sk_X509_value(chain_.get(), next_);
    X509* const issuer = sk_X509_value(chain_.get(), next_ + 1);
    if (const std::optional<int> known =
            find_status(*conf_.ocsp_cache, certificate, issuer, loop_.wall_msec() / 1000)) {
        take(*known);
        return true;
    }
    asked_ = conf_.ocsp_responder_found;
    if (asked_ == nullptr) {
        const std::string url = responder_of(certificate);
        if (url.empty()) return report(Error("no OCSP responder URL in certificate")), false;
        if (!is_address(url)) return report(Error("no resolver defined to resolve \"" + url + "\"")), false;
        Result<Responder> found = find_responder(url);
        if (!found) return report(found.error()), false;
        responder_ = std::move(*found);
        asked_ = &responder_;
    }
    fetch_ = OcspFetch::start(loop_, *asked_, make_ocsp_request(certificate, issuer), *this);
    return true;
}

void ClientStatus::on_answer(Result<std::string> der) {
    fetch_ = nullptr;
    if (!der) {
        if (!der.error().text.empty()) report(der.error());
        return end(State::bad, "certificate status request failed");
    }
    const OcspQuestion question{sk_X509_value(chain_.get(), next_), sk_X509_value(chain_.get(), next_ + 1),
                                SSL_CTX_get_cert_store(SSL_get_SSL_CTX(transport_.ssl())), chain_.get(),
                                OcspSigner::authority};
    const Result<OcspAnswer> judged = judge_ocsp_answer(*der, question);
    if (!judged) {
        report(judged.error());
        return end(State::bad, "certificate status request failed");
    }
    store_status(*conf_.ocsp_cache, question.certificate, question.issuer, *judged);
    take(static_cast<int>(judged->status));
    go_on();
}

void ClientStatus::take(int status) {
    switch (static_cast<CertificateStatus>(status)) {
        case CertificateStatus::good: ++next_; break;
        case CertificateStatus::revoked: end(State::bad, "certificate revoked"); break;
        case CertificateStatus::unknown: end(State::bad, "certificate status unknown"); break;
    }
}

void ClientStatus::report(const Error& error) const {
    const auto& connection = static_cast<const http::ServerConnection&>(transport_.handler());
    connection.log().error(0, to_text(error), " while requesting certificate status",
                           asked_ != nullptr ? ", responder: " : "", asked_ != nullptr ? Text(asked_->host) : Text{});
}

void ClientStatus::end(State state, Text reason) {
    state_ = state;
    reason_ = reason;
    while (StatusWaiter* waiter = waiting_.pop_front()) {
        waiter->request->set_waiter(nullptr);
        waiter->request->resume(judge_(*waiter->request));
    }
}

void ClientStatus::wait(http::Request& request, http::Verdict (*judge)(http::Request&)) {
    auto& waiter = request.make_state<StatusWaiter>();
    waiter.request = &request;
    judge_ = judge;
    request.set_waiter(&waiter);
    waiting_.push_back(waiter);
}

}  // namespace sluice::tls
