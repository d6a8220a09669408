// A server's context: protocols, ciphers, curves, certificates.
#include "context.h"

#include <cstdlib>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "certificate.h"
#include "error_queue.h"

namespace sluice::tls {

namespace {

/// The options that keep a protocol out, by Protocol.
constexpr std::array<uint64_t, 6> kWithout{
    0, SSL_OP_NO_SSLv3, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};

uint64_t options_of(const ServerConf& conf) {
    uint64_t options = SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE | SSL_OP_NO_COMPRESSION |
                       SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_ANTI_REPLAY;
    for (size_t i = 0; i < kWithout.size(); ++i)
        if (!conf.protocols->has(static_cast<Protocol>(i))) options |= kWithout[i];
    if (*conf.prefer_server_ciphers) options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
    if (!*conf.session_tickets) options |= SSL_OP_NO_TICKET;
    return options;
}

std::string quoted(Text function, Text argument) {
    return std::string(function) + "(\"" + std::string(argument) + "\") failed";
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

Error refuse(conf::Parser& parser, const conf::Position& at, Error error) {
    parser.point_without_place(at);
    return error;
}

Text full_source(conf::Parser& parser, Text source) {
    for (const Text prefix : {"data:", "engine:", "store:"})
        if (source.starts_with(prefix)) return source;
    return parser.full_conf_path(source);
}

Result<void> use_ciphers(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    if (SSL_CTX_set_cipher_list(context, std::string(conf.ciphers->text).c_str()) != 1)
        return refuse(parser, conf.ciphers->at, make_error(quoted("SSL_CTX_set_cipher_list", conf.ciphers->text)));
    if (conf.dhparam.is_set())
        if (Result<void> used = use_dh_parameters(parser, context, *conf.dhparam); !used) return used;
    // "auto" is what OpenSSL does by itself.
    if (conf.curves->text != "auto" && SSL_CTX_set1_curves_list(context, std::string(conf.curves->text).c_str()) != 1)
        return refuse(parser, conf.curves->at, make_error(quoted("SSL_CTX_set1_curves_list", conf.curves->text)));
    return {};
}

Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf) {
    if (conf.commands->empty()) return {};
    SSL_CONF_CTX* const commands = SSL_CONF_CTX_new();
    if (commands == nullptr) std::abort();
    SSL_CONF_CTX_set_flags(
        commands, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS);
    SSL_CONF_CTX_set_ssl_ctx(commands, context);
    Result<void> done;
    for (const Command& command : *conf.commands) {
        const std::string name(command.name);
        const std::string value(command.value);
        const int type = SSL_CONF_cmd_value_type(commands, name.c_str());
        const bool is_path = type == SSL_CONF_TYPE_FILE || type == SSL_CONF_TYPE_DIR;
        const std::string full(is_path ? parser.full_conf_path(command.value) : Text(value));
        if (SSL_CONF_cmd(commands, name.c_str(), full.c_str()) > 0) continue;
        done = refuse(parser, command.at, make_error("SSL_CONF_cmd(\"" + name + "\", \"" + value + "\") failed"));
        break;
    }
    if (done && SSL_CONF_CTX_finish(commands) != 1) done = make_error("SSL_CONF_finish() failed");
    SSL_CONF_CTX_free(commands);
    return done;
}

Result<std::vector<std::string>> passwords_of(conf::Parser& parser, const ServerConf& conf) {
    if (!conf.password_file.is_set()) return std::vector<std::string>{};
    const Text path = parser.full_conf_path(conf.password_file->text);
    Result<std::vector<std::string>> read = read_passwords(std::string(path).c_str());
    if (!read) parser.point_at(conf::Place{conf.password_file->at, conf.password_file->at.line});
    return read;
}

Result<void> use_certificates(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf,
                              std::span<const std::string> passwords) {
    auto key = conf.keys->begin();
    for (const VariableWord& certificate : *conf.certificates) {
        const VariableWord& its_key = *key;
        ++key;
        if (!certificate.value.is_constant() || !its_key.value.is_constant()) continue;
        const Text path = full_source(parser, certificate.value.source());
        const Result<Certificate> loaded = load_certificate(path);
        if (!loaded) return refuse(parser, certificate.at, loaded.error());
        if (SSL_CTX_use_certificate(context, loaded->leaf.get()) != 1)
            return refuse(parser, certificate.at, make_error(quoted("SSL_CTX_use_certificate", path)));
        if (SSL_CTX_set1_chain(context, loaded->chain.get()) != 1)
            return refuse(parser, certificate.at, make_error(quoted("SSL_CTX_set1_chain", path)));
        const Text key_path = full_source(parser, its_key.value.source());
        const Result<UniqueKey> loaded_key = load_key(key_path, passwords);
        if (!loaded_key) return refuse(parser, its_key.at, loaded_key.error());
        if (SSL_CTX_use_PrivateKey(context, loaded_key->get()) != 1)
            return refuse(parser, its_key.at, make_error(quoted("SSL_CTX_use_PrivateKey", key_path)));
    }
    return {};
}

Result<UniqueContext> make_context(conf::Parser& parser, const ServerConf& conf,
                                   std::span<const std::string> passwords) {
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
    if (Result<void> used = use_certificates(parser, context.get(), conf, passwords); !used) return used.error();
    for (const auto use : {use_ciphers, use_verification, use_commands})
        if (Result<void> used = use(parser, context.get(), conf); !used) return used.error();
    return context;
}

}  // namespace sluice::tls
