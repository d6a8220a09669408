// Certificates and private keys, from files or from text in the configuration ("data:…").
#pragma once

#include <span>
#include <string>
#include <vector>

#include <sluice/core/base/result.h>

#include "openssl.h"

namespace sluice::tls {

struct FreeChain {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using UniqueChain = std::unique_ptr<STACK_OF(X509), FreeChain>;

struct Certificate {
    UniqueCertificate leaf;
    UniqueChain chain;  ///< those behind it in the file; may be empty, never null
};

/// Tells whether a file is still the one that was read.
struct FileIdentity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_at = 0;  ///< nanoseconds

    bool operator==(const FileIdentity&) const = default;
    /// All zero for what is no file, or is not there.
    static FileIdentity of(Text source);
    /// As Keepsakes compare it; empty for what is no file, or is not there.
    std::string bytes() const;
};

/// `source` is an absolute path, or "data:" and PEM. Errors in nginx's words, with OpenSSL's reasons.
Result<Certificate> load_certificate(Text source);

/// Notes in a certificate under which name it was loaded.
void set_name(X509* certificate, Text name);
/// That name, or an empty text; lives as long as the certificate.
Text name_of(X509* certificate);

/// For keys that are encrypted.
struct KeyPasswords {
    std::span<const std::string> in_turn;
    bool may_ask = false;  ///< there are none, and who starts the server may know one: OpenSSL asks at the terminal
};

/// `source` as above, or "engine:NAME:ID", or "store:URI".
Result<UniqueKey> load_key(Text source, const KeyPasswords& passwords);

}  // namespace sluice::tls
