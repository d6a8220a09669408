// Authorities. Of each file a store is kept, and its objects are put into the context's own, so that files go
// together in any way.
#include "authorities.h"

#include <openssl/err.h>
#include <sluice/core/conf/keepsakes.h>

#include "certificate.h"
#include "context_parts.h"
#include "error_queue.h"

namespace sluice::tls {

using conf::Keepsakes;
using conf::Parser;
using event::tls::Word;

namespace {

// Functions of libcrypto, which stays mapped when this module goes.
const auto kFreeStore = reinterpret_cast<Keepsakes::Free>(X509_STORE_free);
const auto kFreeName = reinterpret_cast<Keepsakes::Free>(X509_NAME_free);

struct FreeStore {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using UniqueStore = std::unique_ptr<X509_STORE, FreeStore>;

/// A file, and what is kept of it. Its identity is taken before it is read: what changes meanwhile is noticed.
class File {
 public:
    File(Parser& parser, const Word& word)
        : parser_(parser),
          word_(word),
          path_(parser.full_conf_path(word.text)),
          identity_(FileIdentity::of(path_).bytes()),
          kept_(identity_.empty() ? nullptr : parser.environment().keepsakes) {}

    /// Its certificates and lists. An error has `function`'s name, which is what nginx calls.
    Result<UniqueStore> store(Text function);
    /// The names of the authorities in it, in their order.
    Result<STACK_OF(X509_NAME) *> names();

 private:
    Error refuse(Text function) { return tls::refuse(parser_, word_.at, make_error(quoted(function, path_))); }
    std::string store_name() const { return "ssl authorities " + path_; }
    std::string name_name(int i) const { return "ssl authority's name " + std::to_string(i) + " " + path_; }
    STACK_OF(X509_NAME) * find_names();

    Parser& parser_;
    const Word& word_;
    std::string path_;
    std::string identity_;
    Keepsakes* kept_;  ///< null: nothing is to be kept
};

Result<UniqueStore> File::store(Text function) {
    if (kept_ != nullptr) {
        if (auto* const known = static_cast<X509_STORE*>(kept_->find(store_name(), identity_))) {
            X509_STORE_up_ref(known);
            return UniqueStore(known);
        }
    }
    UniqueStore made(X509_STORE_new());
    if (made == nullptr || X509_STORE_load_file(made.get(), path_.c_str()) != 1) return refuse(function);
    // The end of the file is an error to OpenSSL, too.
    ERR_clear_error();
    if (kept_ == nullptr) return made;
    X509_STORE_up_ref(made.get());
    kept_->keep(store_name(), identity_, made.get(), kFreeStore);
    return made;
}

/// Null when they were not kept: there is at least one where there are any.
STACK_OF(X509_NAME) * File::find_names() {
    STACK_OF(X509_NAME)* names = nullptr;
    for (int i = 0; kept_ != nullptr; ++i) {
        const auto* const name = static_cast<X509_NAME*>(kept_->find(name_name(i), identity_));
        if (name == nullptr) break;
        if (names == nullptr) names = sk_X509_NAME_new_null();
        sk_X509_NAME_push(names, X509_NAME_dup(name));
    }
    return names;
}

Result<STACK_OF(X509_NAME) *> File::names() {
    if (STACK_OF(X509_NAME)* const known = find_names()) return known;
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(path_.c_str());
    if (names == nullptr) return refuse("SSL_load_client_CA_file");
    ERR_clear_error();
    for (int i = 0; kept_ != nullptr && i < sk_X509_NAME_num(names); ++i)
        kept_->keep(name_name(i), identity_, X509_NAME_dup(sk_X509_NAME_value(names, i)), kFreeName);
    return names;
}

/// Puts all objects of a store into the context's.
Result<void> add(SSL_CTX* context, const X509_STORE* from) {
    X509_STORE* const to = SSL_CTX_get_cert_store(context);
    const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(from);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
        const X509_OBJECT* const object = sk_X509_OBJECT_value(objects, i);
        const bool is_list = X509_OBJECT_get_type(object) == X509_LU_CRL;
        const int added = is_list ? X509_STORE_add_crl(to, X509_OBJECT_get0_X509_CRL(object))
                                  : X509_STORE_add_cert(to, X509_OBJECT_get0_X509(object));
        if (added != 1) return make_error(is_list ? "X509_STORE_add_crl() failed" : "X509_STORE_add_cert() failed");
    }
    return {};
}

Result<void> add_file(File& file, SSL_CTX* context, Text function) {
    const Result<UniqueStore> store = file.store(function);
    return store ? add(context, store->get()) : store.error();
}

Result<void> use_named(Parser& parser, SSL_CTX* context, const Word& word) {
    File file(parser, word);
    if (Result<void> added = add_file(file, context, "SSL_CTX_load_verify_locations"); !added) return added;
    const Result<STACK_OF(X509_NAME)*> names = file.names();
    if (!names) return names.error();
    SSL_CTX_set_client_CA_list(context, *names);
    return {};
}

Result<void> use_trusted(Parser& parser, SSL_CTX* context, const Word& word) {
    File file(parser, word);
    return add_file(file, context, "SSL_CTX_load_verify_locations");
}

Result<void> use_crl(Parser& parser, SSL_CTX* context, const Word& word) {
    File file(parser, word);
    Result<void> added = add_file(file, context, "X509_LOOKUP_load_file");
    if (added)
        X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return added;
}

}  // namespace

Result<void> use_authorities(Parser& parser, SSL_CTX* context, const Authorities& files) {
    Result<void> used;
    if (files.named != nullptr) used = use_named(parser, context, *files.named);
    if (used && files.trusted != nullptr) used = use_trusted(parser, context, *files.trusted);
    if (used && files.crl != nullptr) used = use_crl(parser, context, *files.crl);
    return used;
}

}  // namespace sluice::tls
