// UpstreamClient: what a connection is given before its handshake.
#include "client.h"

#include <openssl/err.h>
#include <sluice/event/connection.h>

#include "context_parts.h"
#include "error_queue.h"

namespace sluice::tls {

using event::tls::ClientSettings;
using event::tls::Wanted;

namespace {

/// 1: the session is taken over.
int take_session(SSL* ssl, SSL_SESSION* session) {
    return ClientTransport::of(ssl).keep_session(session) ? 1 : 0;
}

std::string session_key(const Wanted& wanted) {
    char room[160];
    TextBuilder address(room);
    wanted.peer.write(address);
    return std::string(address.text()).append(wanted.identity);
}

Error fail(Text function, Text argument) {
    return make_error(quoted(function, argument));
}

}  // namespace

UpstreamClient::UpstreamClient(UniqueContext context, const ClientSettings& settings, Text folder)
    : context_(std::move(context)),
      folder_(folder),
      passwords_(to_strings(*settings.password_file)),
      certificates_(*settings.certificate_cache) {
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_.get(), take_session);
}

std::string UpstreamClient::full_source(Text source) const {
    if (!is_file(source) || source.starts_with('/')) return std::string(source);
    return std::string(folder_).append(source);
}

/// Shows what variables have named.
Result<void> UpstreamClient::present(SSL* ssl, Text certificate, Text key, Msec now) {
    const std::string source = full_source(certificate);
    const Result<const Certificate*> loaded = certificates_.certificate(source, now);
    if (!loaded) return loaded.error();
    if (SSL_use_certificate(ssl, (*loaded)->leaf.get()) != 1) return fail("SSL_use_certificate", source);
    if (SSL_set1_chain(ssl, (*loaded)->chain.get()) != 1) return fail("SSL_set1_chain", source);
    const std::string key_source = full_source(key);
    const Result<EVP_PKEY*> loaded_key = certificates_.key(key_source, passwords_, now);
    if (!loaded_key) return loaded_key.error();
    if (SSL_use_PrivateKey(ssl, *loaded_key) != 1) return fail("SSL_use_PrivateKey", key_source);
    return {};
}

Result<std::unique_ptr<event::SecureTransport>> UpstreamClient::begin(event::Connection& connection,
                                                                      const Wanted& wanted,
                                                                      event::HandshakeHandler& handler) {
    ERR_clear_error();
    UniqueSsl ssl(SSL_new(context_.get()));
    if (ssl == nullptr) return make_error("SSL_new() failed");
    const ClientSettings& settings = wanted.settings;
    const std::string name(wanted.name);
    // An address is no name (RFC 6066 §3).
    const bool tells_name = *settings.server_name && !name.empty() && !is_ip_address(name);
    if (tells_name && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1)
        return fail("SSL_set_tlsext_host_name", name);
    // This one answers 0 for success.
    const auto* protocols = reinterpret_cast<const unsigned char*>(settings.alpn.data());
    if (SSL_set_alpn_protos(ssl.get(), protocols, static_cast<unsigned>(settings.alpn.size())) != 0)
        return make_error("SSL_set_alpn_protos() failed");
    if (!wanted.certificate.empty()) {
        const Result<void> done =
            present(ssl.get(), wanted.certificate, wanted.certificate_key, connection.loop().now());
        if (!done) return done.error();
    }
    ClientIdentity identity{.name = name, .verifies = *settings.verify, .session_key = {}, .sessions = &sessions_};
    if (*settings.session_reuse) {
        identity.session_key = session_key(wanted);
        if (SSL_SESSION* session = sessions_.find(identity.session_key)) SSL_set_session(ssl.get(), session);
    }
    return std::unique_ptr<event::SecureTransport>(
        new ClientTransport(std::move(ssl), connection.loop(), handler, std::move(identity)));
}

}  // namespace sluice::tls
