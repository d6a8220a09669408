// Parts of an SSL_CTX that servers and clients are made of alike. Errors carry nginx's words and OpenSSL's reasons,
// and point at the directive.
#pragma once

#include <string>

#include <sluice/core/conf/parser.h>
#include <sluice/event/tls/settings.h>

#include "openssl.h"

namespace sluice::tls {

/// The options that keep all protocols out but these.
uint64_t options_without(const conf::Flags<event::tls::Protocol>& allowed);

Result<void> use_cipher_list(conf::Parser& parser, SSL_CTX* context, const event::tls::Word& list);

struct CertificateWords {
    const event::tls::VariableWord& certificate;
    const event::tls::VariableWord& key;
    const event::tls::Passwords& passwords;
};
/// Both must be constants.
Result<void> use_certificate(conf::Parser& parser, SSL_CTX* context, const CertificateWords& words);
/// `side`: SSL_CONF_FLAG_SERVER or SSL_CONF_FLAG_CLIENT.
Result<void> use_commands(conf::Parser& parser, SSL_CTX* context, const conf::Sequence<event::tls::Command>& all,
                          unsigned side);

/// A callback of verification: every certificate is taken, and who is concerned looks at the result later.
int accept_all(int, X509_STORE_CTX*);

/// Whether a file is named: as in nginx, an empty name stands for none.
inline bool is_named(const Setting<event::tls::Word>& file) {
    return file.is_set() && !file->text.empty();
}

/// A name of a certificate or key, with an absolute path where it is one.
Text full_source(conf::Parser& parser, Text source);
/// Whether it is one.
bool is_file(Text source);

std::vector<std::string> to_strings(const event::tls::Passwords& passwords);

/// `function("argument") failed`
std::string quoted(Text function, Text argument);
/// An error that is found when all is read, as nginx words it; the caret points at `at`.
Error refuse(conf::Parser& parser, const conf::Position& at, Error error);

}  // namespace sluice::tls
