// Answers of OCSP.
#include "ocsp_answer.h"

#include <ctime>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "error_queue.h"

namespace sluice::tls {

namespace {

using UniqueResponse = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE_free>>;
using UniqueBasic = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>>;
using UniqueId = std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>>;

/// Clocks differ by that much.
constexpr long kTolerance = 300;

int64_t to_unix_time(const ASN1_GENERALIZEDTIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(::timegm(&parts)) : 0;
}

CertificateStatus to_status(int status) {
    if (status == V_OCSP_CERTSTATUS_GOOD) return CertificateStatus::good;
    return status == V_OCSP_CERTSTATUS_REVOKED ? CertificateStatus::revoked : CertificateStatus::unknown;
}

unsigned long flags_for(OcspSigner signer) {
    switch (signer) {
        case OcspSigner::anybody: return OCSP_NOVERIFY;
        case OcspSigner::one_of_ours: return OCSP_TRUSTOTHER;
        case OcspSigner::authority: break;
    }
    return 0;
}

Result<OcspAnswer> find_status(OCSP_BASICRESP* basic, const OcspQuestion& question) {
    const UniqueId id(OCSP_cert_to_id(nullptr, question.certificate, question.issuer));
    if (id == nullptr) return make_error("OCSP_cert_to_id() failed");
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    ASN1_GENERALIZEDTIME* this_update = nullptr;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    if (OCSP_resp_find_status(basic, id.get(), &status, nullptr, nullptr, &this_update, &next_update) != 1)
        return make_error("certificate status not found in the OCSP response");
    if (OCSP_check_validity(this_update, next_update, kTolerance, -1) != 1)
        return make_error("OCSP_check_validity() failed");
    return OcspAnswer{to_status(status), next_update != nullptr ? to_unix_time(next_update) : 0};
}

}  // namespace

Result<OcspAnswer> judge_ocsp_answer(const std::string& der, const OcspQuestion& question) {
    ERR_clear_error();
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const UniqueResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (response == nullptr) return make_error("d2i_OCSP_RESPONSE() failed");
    const int said = OCSP_response_status(response.get());
    if (said != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return Error("OCSP response not successful (" + std::to_string(said) + ": " + OCSP_response_status_str(said) +
                     ")");
    const UniqueBasic basic(OCSP_response_get1_basic(response.get()));
    if (basic == nullptr) return make_error("OCSP_response_get1_basic() failed");
    if (OCSP_basic_verify(basic.get(), question.others, question.trusted, flags_for(question.signer)) != 1)
        return make_error("OCSP_basic_verify() failed");
    return find_status(basic.get(), question);
}

}  // namespace sluice::tls
