// Parts of a context.
#include "context_parts.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <openssl/err.h>

#include "certificate.h"
#include "error_queue.h"
#include "kept_certificates.h"

namespace sluice::tls {

using event::tls::Command;
using event::tls::Protocol;
using event::tls::Word;

namespace {

/// The options that keep a protocol out, by Protocol.
constexpr std::array<uint64_t, 6> kWithout{
    0, SSL_OP_NO_SSLv3, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};

}  // namespace

int accept_all(int, X509_STORE_CTX*) {
    return 1;
}

/// What "data:" holds, a key perhaps, is nobody's business.
std::string quoted(Text function, Text argument) {
    if (argument.starts_with("data:")) argument = "data:";
    return std::string(function) + "(\"" + std::string(argument) + "\") failed";
}

Error refuse(conf::Parser& parser, const conf::Position& at, Error error) {
    parser.point_without_place(at);
    return error;
}

bool is_file(Text source) {
    for (const Text prefix : {"data:", "engine:", "store:"})
        if (source.starts_with(prefix)) return false;
    return true;
}

Text full_source(conf::Parser& parser, Text source) {
    return is_file(source) ? parser.full_conf_path(source) : source;
}

std::vector<std::string> to_strings(const event::tls::Passwords& passwords) {
    std::vector<std::string> strings;
    for (const Text line : passwords.lines) strings.emplace_back(line);
    return strings;
}

uint64_t options_without(const conf::Flags<Protocol>& allowed) {
    uint64_t options = 0;
    for (size_t i = 0; i < kWithout.size(); ++i)
        if (!allowed.has(static_cast<Protocol>(i))) options |= kWithout[i];
    return options;
}

Result<void> use_cipher_list(conf::Parser& parser, SSL_CTX* context, const Word& list) {
    if (SSL_CTX_set_cipher_list(context, std::string(list.text).c_str()) == 1) return {};
    return refuse(parser, list.at, make_error(quoted("SSL_CTX_set_cipher_list", list.text)));
}

Result<void> use_certificate(conf::Parser& parser, SSL_CTX* context, const CertificateWords& words) {
    const Text path = full_source(parser, words.certificate.value.source());
    const Result<Certificate> loaded = find_or_load_certificate(parser.environment().keepsakes, path);
    if (!loaded) return refuse(parser, words.certificate.at, loaded.error());
    if (SSL_CTX_use_certificate(context, loaded->leaf.get()) != 1)
        return refuse(parser, words.certificate.at, make_error(quoted("SSL_CTX_use_certificate", path)));
    if (SSL_CTX_set1_chain(context, loaded->chain.get()) != 1)
        return refuse(parser, words.certificate.at, make_error(quoted("SSL_CTX_set1_chain", path)));
    const Text key_path = full_source(parser, words.key.value.source());
    const std::vector<std::string> passwords = to_strings(words.passwords);
    const Result<UniqueKey> key = find_or_load_key(parser.environment().keepsakes, key_path,
                                                   {.in_turn = passwords, .may_ask = !words.passwords.is_file_given});
    if (!key) return refuse(parser, words.key.at, key.error());
    if (SSL_CTX_use_PrivateKey(context, key->get()) != 1)
        return refuse(parser, words.key.at, make_error(quoted("SSL_CTX_use_PrivateKey", key_path)));
    return {};
}

Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const conf::Sequence<Command>& all, unsigned side) {
    if (all.empty()) return {};
    SSL_CONF_CTX* const commands = SSL_CONF_CTX_new();
    if (commands == nullptr) std::abort();
    SSL_CONF_CTX_set_flags(commands,
                           SSL_CONF_FLAG_FILE | side | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS);
    SSL_CONF_CTX_set_ssl_ctx(commands, context);
    Result<void> done;
    for (const Command& command : all) {
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

}  // namespace sluice::tls
