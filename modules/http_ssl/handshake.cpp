// The server's part of a handshake.
#include "handshake.h"

#include <cstdlib>

#include <openssl/err.h>
#include <sluice/http/conf/endpoint.h>
#include <sluice/http/conf/tree.h>
#include <sluice/http/server_connection.h>

#include "context.h"
#include "session_identity.h"

namespace sluice::tls {

using http::ServerConnection;

namespace {

ServerConnection& connection_of(const SSL* ssl) {
    return static_cast<ServerConnection&>(TlsTransport::of(ssl).handler());
}

constexpr size_t kLongestName = 255;

/// The name in a server_name extension (RFC 6066 §3), in lower case; empty when there is none that could be one.
Text read_name(SSL* ssl, std::span<char> room) {
    const unsigned char* data = nullptr;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
    // Length of the list, kind of the entry, length of the name.
    constexpr size_t kHead = 5;
    if (size <= kHead || data[2] != TLSEXT_NAMETYPE_host_name) return {};
    const size_t length = static_cast<size_t>(data[3]) << 8U | data[4];
    if (length == 0 || length > size - kHead || length > kLongestName) return {};
    for (size_t i = 0; i < length; ++i) {
        const char c = static_cast<char>(data[kHead + i]);
        if (c <= ' ' || c == '/' || c == '\x7f') return {};
        room[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    Text name(room.data(), length);
    if (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

/// The handshake goes on as if the connection had come to this server alone.
void use_server(SSL* ssl, const ServerTls& tls) {
    const ServerConf& conf = *tls.conf;
    SSL_set_SSL_CTX(ssl, tls.context.get());
    set_verification(ssl, conf);
    const uint64_t options = SSL_CTX_get_options(tls.context.get());
    SSL_clear_options(ssl, ~options);
    SSL_set_options(ssl, options);
    SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(tls.context.get())));
    SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(tls.context.get())));
    // Only the default server's contexts offer it; to the others a request must not come twice.
    if (!*conf.early_data) SSL_set_max_early_data(ssl, 0);
    if (conf.curves->text != "auto") SSL_set1_groups_list(ssl, std::string(conf.curves->text).c_str());
    TlsTransport::of(ssl).set_record_size(tls.transport.record_size, tls.transport.adapts);
}

int fail(int* alert, int description) {
    *alert = description;
    return SSL_CLIENT_HELLO_ERROR;
}

int on_client_hello(SSL* ssl, int* alert, void*) {
    ServerConnection& connection = connection_of(ssl);
    const http::Address& address = connection.address();
    char room[kLongestName];
    const Text name = read_name(ssl, room);
    const http::Server* server = name.empty() ? nullptr : address.names.find(name, connection.log());
    if (server == nullptr) {
        server = address.default_server;
    } else {
        TlsTransport::of(ssl).note_chosen_server();
    }
    const ServerConf* conf = conf_of(*server);
    if (conf != nullptr && *conf->reject_handshake) {
        TlsTransport::of(ssl).note_rejection();
        return fail(alert, SSL_AD_UNRECOGNIZED_NAME);
    }
    if (server != &connection.server()) connection.set_server(*server);
    const ServerTls& tls = tls_of(connection);
    if (SSL_get_SSL_CTX(ssl) != tls.context.get()) use_server(ssl, tls);
    if (!use_session_identity(ssl, tls.session_identity, name)) return fail(alert, SSL_AD_INTERNAL_ERROR);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/// The choice was made by on_client_hello(); this acknowledges the name.
int on_server_name(SSL*, int*, void*) {
    return SSL_TLSEXT_ERR_OK;
}

int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
            unsigned offered_size, void*) {
    const Text all(reinterpret_cast<const char*>(offered), offered_size);
    const Text choice = connection_of(ssl).choose_protocol(all);
    if (choice.empty()) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = reinterpret_cast<const unsigned char*>(choice.data());
    *size = static_cast<unsigned char>(choice.size());
    return SSL_TLSEXT_ERR_OK;
}

std::unique_ptr<event::SecureTransport> secure(ServerConnection& connection) {
    const ServerTls& tls = tls_of(connection);
    UniqueSsl ssl(SSL_new(tls.context.get()));
    if (ssl == nullptr) std::abort();
    return std::make_unique<TlsTransport>(std::move(ssl), TlsTransport::Side::server, connection.loop(), connection,
                                          tls.transport);
}

}  // namespace

const http::Security kSecurity{.secure = secure};

const ServerConf* conf_of(const http::Server& server) {
    return static_cast<const ServerConf*>(server.confs.find(conf::slot_of<ServerConf>()));
}

const ServerTls& tls_of(const ServerConnection& connection) {
    const ServerConf* conf = conf_of(connection.server());
    if (conf == nullptr || conf->tls == nullptr) conf = conf_of(*connection.address().default_server);
    return *conf->tls;
}

void add_callbacks(SSL_CTX* context) {
    SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
}

}  // namespace sluice::tls
