// Session identities.
#include "session_identity.h"

#include <algorithm>
#include <vector>

#include "error_queue.h"

namespace sluice::tls {

namespace {

using UniqueDigest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

/// A sum over other ones.
class Sum {
 public:
    Sum() : digest_(EVP_MD_CTX_new()) {
        is_good_ = digest_ != nullptr && EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr) == 1;
    }
    void add(Text bytes) { is_good_ = is_good_ && EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size()) == 1; }
    /// Without the sum of a part there is none of the whole.
    void add_sum(const std::string& part) {
        is_good_ = is_good_ && !part.empty();
        add(part);
    }
    void add(int64_t number) { add(Text(reinterpret_cast<const char*>(&number), sizeof number)); }
    /// Empty: something has failed.
    std::string finish() {
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (!is_good_ || EVP_DigestFinal_ex(digest_.get(), sum, &size) != 1) return {};
        return {reinterpret_cast<const char*>(sum), size};
    }

 private:
    UniqueDigest digest_;
    bool is_good_;
};
constexpr size_t kSize = 32;
static_assert(kSize == SSL_MAX_SID_CTX_LENGTH);

/// The sum of an object, by OpenSSL's function for its kind; empty if it has failed.
template <class T>
std::string sum_of(int (*digest)(const T*, const EVP_MD*, unsigned char*, unsigned*), const T* object) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (object == nullptr || digest(object, EVP_sha256(), sum, &size) != 1) return {};
    return {reinterpret_cast<const char*>(sum), size};
}

void add_certificates(Sum& sum, SSL_CTX* context) {
    for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT))
        sum.add_sum(sum_of(X509_digest, static_cast<const X509*>(SSL_CTX_get0_certificate(context))));
}

/// A store has no order that would be the same the next time.
void add_store(Sum& sum, X509_STORE* store) {
    if (store == nullptr) return sum.add(int64_t{-1});
    std::vector<std::string> sums;
    const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
        const X509_OBJECT* const object = sk_X509_OBJECT_value(objects, i);
        if (X509_OBJECT_get_type(object) == X509_LU_CRL) {
            sums.push_back(sum_of(X509_CRL_digest, static_cast<const X509_CRL*>(X509_OBJECT_get0_X509_CRL(object))));
        } else {
            sums.push_back(sum_of(X509_digest, static_cast<const X509*>(X509_OBJECT_get0_X509(object))));
        }
    }
    std::sort(sums.begin(), sums.end());
    sum.add(static_cast<int64_t>(sums.size()));
    for (const std::string& one : sums) sum.add_sum(one);
    sum.add(static_cast<int64_t>(X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store))));
}

void add_verification(Sum& sum, SSL_CTX* context, const ServerConf& conf) {
    const STACK_OF(X509_NAME)* const names = SSL_CTX_get_client_CA_list(context);
    for (int i = 0; i < sk_X509_NAME_num(names); ++i)
        sum.add_sum(sum_of(X509_NAME_digest, static_cast<const X509_NAME*>(sk_X509_NAME_value(names, i))));
    X509_STORE* own = nullptr;  // of ssl_conf_command VerifyCAFile, instead of the context's
    SSL_CTX_get0_verify_cert_store(context, &own);
    add_store(sum, SSL_CTX_get_cert_store(context));
    add_store(sum, own);
    sum.add(static_cast<int64_t>(SSL_CTX_get_verify_depth(context)));
    sum.add(static_cast<int64_t>(*conf.verify_client));
    sum.add(static_cast<int64_t>(*conf.ocsp));
}

}  // namespace

Result<std::string> make_session_identity(SSL_CTX* context, const ServerConf& conf) {
    Sum sum;
    add_certificates(sum, context);
    if (SSL_CTX_get_verify_mode(context) != SSL_VERIFY_NONE) add_verification(sum, context, conf);
    std::string identity = sum.finish();
    if (identity.size() != kSize) return make_error("EVP_DigestFinal_ex() failed");
    return identity;
}

bool use_session_identity(SSL* ssl, Text identity, Text name) {
    std::string own(identity);
    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
        Sum sum;
        sum.add(identity);
        sum.add(name);
        own = sum.finish();
    }
    return own.size() == kSize &&
           SSL_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(own.data()), kSize) == 1;
}

}  // namespace sluice::tls
