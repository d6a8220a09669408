// What an answer of OCSP says about one certificate, once it is found to be worth trusting (RFC 6960 §3.2).
#pragma once

#include "certificate.h"

namespace sluice::tls {

enum class CertificateStatus : uint8_t { good, revoked, unknown };

struct OcspAnswer {
    CertificateStatus status = CertificateStatus::unknown;
    int64_t valid_until = 0;  ///< Unix time; 0: it does not say
};

/// Whose signature an answer must have.
enum class OcspSigner : uint8_t {
    anybody,      ///< it is not looked at
    one_of_ours,  ///< one of `others`, without more ado, or as below
    authority,    ///< the issuer of the certificate, or whom it has charged with that (RFC 6960 §4.2.2.2)
};

struct OcspQuestion {
    X509* certificate;
    X509* issuer;
    X509_STORE* trusted;
    STACK_OF(X509) * others;  ///< that may have signed the answer, or lead to whom `trusted` has; may be null
    OcspSigner signer;
};

/// Errors in nginx's words with OpenSSL's reasons.
Result<OcspAnswer> judge_ocsp_answer(const std::string& der, const OcspQuestion& question);

}  // namespace sluice::tls
