// A server's context: protocols, ciphers, curves, certificates.
#include "context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "error_queue.h"

namespace sluice::tls {

namespace {

uint64_t options_of(const ServerConf& conf) {
    uint64_t options = SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE | SSL_OP_NO_COMPRESSION |
                       SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_ANTI_REPLAY;
    options |= options_without(*conf.protocols);
    if (*conf.prefer_server_ciphers) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    if (!*conf.session_tickets) options |= SSL_OP_NO_TICKET;
    return options;
}

Result<void> use_dh_parameters(conf::Parser& parser, SSL_CTX* context, const Word& file) {
    const Text path = parser.full_conf_path(file.text);
    const UniqueBio bio(BIO_new_file(std::string(path).c_str(), "r"));
    if (bio == nullptr) return refuse(parser, file.at, make_error(quoted("BIO_new_file", path)));
    UniqueKey parameters(PEM_read_bio_Parameters(bio.get(), nullptr));
    if (parameters == nullptr) return refuse(parser, file.at, make_error(quoted("PEM_read_bio_DHparams", path)));
    if (SSL_CTX_set0_tmp_dh_pkey(context, parameters.get()) != 1)
        return refuse(parser, file.at, make_error(quoted("SSL_CTX_set0_tmp_dh_pkey", path)));
    static_cast<void>(parameters.release());
    return {};
}

}  // namespace

Result<void> use_ciphers(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    if (Result<void> used = use_cipher_list(parser, context, *conf.ciphers); !used) return used;
    if (is_named(conf.dhparam))
        if (Result<void> used = use_dh_parameters(parser, context, *conf.dhparam); !used) return used;
    // "auto" is what OpenSSL does by itself.
    if (conf.curves->text != "auto" && SSL_CTX_set1_curves_list(context, std::string(conf.curves->text).c_str()) != 1)
        return refuse(parser, conf.curves->at, make_error(quoted("SSL_CTX_set1_curves_list", conf.curves->text)));
    return {};
}

Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    return use_commands(parser, context, *conf.commands, SSL_CONF_FLAG_SERVER);
}

Result<void> use_certificates(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    auto key = conf.keys->begin();
    for (const VariableWord& certificate : *conf.certificates) {
        const VariableWord& its_key = *key;
        ++key;
        if (!certificate.value.is_constant() || !its_key.value.is_constant()) continue;
        if (Result<void> used = use_certificate(parser, context, {certificate, its_key, *conf.password_file}); !used)
            return used;
    }
    return {};
}

Result<UniqueContext> make_context(conf::Parser& parser, const ServerConf& conf) {
    UniqueContext context(SSL_CTX_new(TLS_server_method()));
    if (context == nullptr) return make_error("SSL_CTX_new() failed");
    SSL_CTX_set_options(context.get(), options_of(conf));
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                                        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Two would be sent after each handshake; a second one helps only clients that open connections in parallel, and
    // those take the same one twice.
    SSL_CTX_set_num_tickets(context.get(), 1);
    constexpr size_t kEarlyData = 16384;
    if (*conf.early_data) SSL_CTX_set_max_early_data(context.get(), kEarlyData);
    // A security level in the list of ciphers counts for certificates and keys, too.
    for (const auto use : {use_ciphers, use_certificates, use_verification, use_commands})
        if (Result<void> used = use(parser, context.get(), conf); !used) return used.error();
    return context;
}

}  // namespace sluice::tls
