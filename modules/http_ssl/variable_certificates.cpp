// Certificates with variables.
#include "variable_certificates.h"

#include <algorithm>

#include <openssl/err.h>
#include <sluice/http/conf/http_conf.h>
#include <sluice/http/request.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/stream.h>
#include <sluice/http/worker.h>

#include "certificate_cache.h"
#include "conf.h"
#include "context_parts.h"
#include "error_queue.h"
#include "handshake.h"

namespace sluice::tls {

using event::Chain;
using http::OutputState;
using http::Request;

namespace {

/// The stream of a request that nobody made: variables are evaluated for requests, and a handshake has none yet.
class Nobody final : public http::Stream {
    OutputState send_head(Request&, Chain&, bool) override { return OutputState::failed; }
    OutputState send_body(Request&, Chain&, bool) override { return OutputState::failed; }
    void send_interim(Request&, uint16_t, const http::Headers&) override {}
    void start_body(Request&) override {}
    void pause_body(Request&) override {}
    void resume_body(Request&) override {}
    void upgrade(Request&, http::Tunnel&) override {}
    void pause_tunnel(Request&, bool) override {}
    void on_finished(Request&) override {}
    void abort(Request&) override {}
    Bytes bytes_sent(const Request&) const override { return {}; }
    bool has_pending_output(const Request&) const override { return false; }
};

/// A name relative to the configuration's folder, as in the file.
Text full_source_of(Arena& arena, Text folder, Text source) {
    const auto has = [&](Text prefix) { return source.starts_with(prefix); };
    if (has("/") || has("data:") || has("engine:") || has("store:")) return source;
    return arena.concat(folder, source);
}

/// False, with the error in the log: the handshake ends.
bool use_pair(SSL* ssl, Request& request, const ServerTls& tls, const VariablePair& pair) {
    Arena& arena = request.arena();
    const Log& log = request.connection().log();  // which says that this is a handshake
    const Msec now = request.connection().loop().now();
    const Text name = full_source_of(arena, tls.folder, pair.certificate.evaluate(request));
    const auto certificate = tls.cache->certificate(name, now);
    if (!certificate) {
        log.error(0, certificate.error().text);
        return false;
    }
    const auto complain = [&](Text function, Text source) {
        log.error(0, make_error(quoted(function, source)).text);
        return false;
    };
    if (SSL_use_certificate(ssl, (*certificate)->leaf.get()) != 1) return complain("SSL_use_certificate", name);
    if (SSL_set1_chain(ssl, (*certificate)->chain.get()) != 1) return complain("SSL_set1_chain", name);
    const Text key_name = full_source_of(arena, tls.folder, pair.key.evaluate(request));
    const auto key = tls.cache->key(key_name, tls.passwords, now);
    if (!key) {
        log.error(0, key.error().text);
        return false;
    }
    return SSL_use_PrivateKey(ssl, *key) == 1 || complain("SSL_use_PrivateKey", key_name);
}

int on_certificate(SSL* ssl, void* data) {
    const auto& tls = *static_cast<const ServerTls*>(data);
    auto& connection = static_cast<http::ServerConnection&>(TlsTransport::of(ssl).handler());
    Arena arena;
    Nobody nobody;
    Request request(arena, connection, nobody, connection.http());
    --http::shared_counters().requests;
    request.use_server(connection.server());
    return std::all_of(tls.variable_pairs.begin(), tls.variable_pairs.end(),
                       [&](const VariablePair& pair) { return use_pair(ssl, request, tls, pair); })
               ? 1
               : 0;
}

}  // namespace

void use_variable_certificates(ServerTls& tls) {
    const ServerConf& conf = *tls.conf;
    auto key = conf.keys->begin();
    for (const VariableWord& certificate : *conf.certificates) {
        const VariableWord& its_key = *key;
        ++key;
        if (certificate.value.is_constant() && its_key.value.is_constant()) continue;
        tls.variable_pairs.push_back({certificate.value, its_key.value});
    }
    if (tls.variable_pairs.empty()) return;
    tls.cache = std::make_unique<CertificateCache>(*conf.certificate_cache);
    SSL_CTX_set_cert_cb(tls.context.get(), on_certificate, &tls);
}

}  // namespace sluice::tls
