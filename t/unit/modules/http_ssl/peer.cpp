// TlsPeer.
#include "modules/http_ssl/peer.h"

#include <algorithm>

namespace sluice::tls::test {

UniqueContext make_server_context() {
    const UniqueKey key(EVP_EC_gen("P-256"));
    const UniqueCertificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    UniqueContext context(SSL_CTX_new(TLS_server_method()));
    EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), key.get()), 1);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

TlsPeer::TlsPeer(event::Peer peer, size_t at_once)
    : wire_(std::move(peer)),
      at_once_(at_once),
      context_(SSL_CTX_new(TLS_client_method())),
      ssl_(SSL_new(context_.get())) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
}

void TlsPeer::take() {
    wire_.read();
    if (!wire_.received.empty())
        BIO_write(SSL_get_rbio(ssl_.get()), wire_.received.data(), static_cast<int>(wire_.received.size()));
    wire_.received.clear();
}

void TlsPeer::give() {
    char room[4096];
    for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl_.get()), room, sizeof room)) > 0;)
        unsent_.append(room, static_cast<size_t>(size));
    const Text now = Text(unsent_).substr(0, at_once_);
    if (!now.empty()) unsent_.erase(0, wire_.write(now));
}

bool TlsPeer::shake_hands() {
    take();
    const bool is_done = SSL_do_handshake(ssl_.get()) == 1;
    give();
    return is_done && unsent_.empty();
}

void TlsPeer::write(Text plain) {
    size_t written = 0;
    SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written);
    EXPECT_EQ(written, plain.size());
    give();
}

void TlsPeer::read() {
    take();
    char room[4096];
    for (size_t size = 0; SSL_read_ex(ssl_.get(), room, sizeof room, &size) == 1;) received.append(room, size);
    give();
}

void TlsPeer::ask_for_new_keys() {
    EXPECT_EQ(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
    give();
}

void TlsPeer::say_goodbye() {
    SSL_shutdown(ssl_.get());
    give();
}

}  // namespace sluice::tls::test
