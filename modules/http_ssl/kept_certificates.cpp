// Certificates that outlive a configuration. What is kept is freed by functions of libcrypto, which stays mapped when
// this module goes.
#include "kept_certificates.h"

#include <openssl/err.h>

namespace sluice::tls {

using conf::Keepsakes;

namespace {

const auto kFreeCertificate = reinterpret_cast<Keepsakes::Free>(X509_free);
const auto kFreeKey = reinterpret_cast<Keepsakes::Free>(EVP_PKEY_free);

/// What can't be read is no older copy's turn, and an engine's or store's key may be another one by now.
bool is_kept(Text source, Text identity) {
    return !identity.empty() || source.starts_with("data:");
}

/// The n-th certificate of a source; the leaf is the first.
std::string name_of(Text source, size_t n) {
    return "ssl certificate " + std::to_string(n) + " " + std::string(source);
}

/// Without a leaf if it is not there.
Certificate find_certificate(Keepsakes& kept, Text source, Text identity) {
    Certificate found;
    found.chain.reset(sk_X509_new_null());
    for (size_t n = 0;; ++n) {
        auto* const certificate = static_cast<X509*>(kept.find(name_of(source, n), identity));
        if (certificate == nullptr) return found;
        X509_up_ref(certificate);
        if (n == 0) {
            found.leaf.reset(certificate);
        } else {
            sk_X509_push(found.chain.get(), certificate);
        }
    }
}

void keep_one(Keepsakes& kept, const std::string& name, Text identity, X509* certificate) {
    X509_up_ref(certificate);
    kept.keep(name, identity, certificate, kFreeCertificate);
}

}  // namespace

Result<Certificate> find_or_load_certificate(Keepsakes* kept, Text source) {
    const std::string identity = FileIdentity::of(source).bytes();  // before: what changes meanwhile is noticed
    const bool is_to_keep = kept != nullptr && is_kept(source, identity);
    if (is_to_keep)
        if (Certificate found = find_certificate(*kept, source, identity); found.leaf != nullptr) return found;
    Result<Certificate> loaded = load_certificate(source);
    if (!loaded) return loaded;
    set_name(loaded->leaf.get(), source);
    if (!is_to_keep) return loaded;
    keep_one(*kept, name_of(source, 0), identity, loaded->leaf.get());
    for (int i = 0; i < sk_X509_num(loaded->chain.get()); ++i)
        keep_one(*kept, name_of(source, static_cast<size_t>(i) + 1), identity, sk_X509_value(loaded->chain.get(), i));
    return loaded;
}

Result<UniqueKey> find_or_load_key(Keepsakes* kept, Text source, const KeyPasswords& passwords) {
    const std::string identity = FileIdentity::of(source).bytes();
    const bool is_to_keep = kept != nullptr && is_kept(source, identity);
    const std::string name = "ssl key " + std::string(source);
    if (is_to_keep) {
        if (auto* const known = static_cast<EVP_PKEY*>(kept->find(name, identity))) {
            EVP_PKEY_up_ref(known);
            return UniqueKey(known);
        }
    }
    Result<UniqueKey> loaded = load_key(source, passwords);
    if (!loaded || !is_to_keep) return loaded;
    EVP_PKEY_up_ref(loaded->get());
    kept->keep(name, identity, loaded->get(), kFreeKey);
    return loaded;
}

}  // namespace sluice::tls
