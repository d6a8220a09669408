// Staple.
#include "staple.h"

#include <algorithm>

namespace sluice::tls {

namespace {

constexpr int64_t kAskAgain = 3600;  ///< seconds, however long an answer is good
constexpr int64_t kBeforeEnd = 300;  ///< the next answer is there before the last one ends
constexpr int64_t kAfterFailure = 300;
constexpr int64_t kForever = INT64_MAX;

int64_t now(const event::Loop& loop) {
    return loop.wall_msec() / 1000;
}

}  // namespace

Staple::~Staple() {
    if (fetch_ != nullptr) fetch_->cancel();
}

void Staple::set_fixed(std::string der) {
    der_ = std::move(der);
    valid_until_ = ask_at_ = kForever;
}

const std::string& Staple::answer(event::Loop& loop) {
    static const std::string kNothing;
    loop_ = &loop;
    if (fetch_ == nullptr && now(loop) >= ask_at_)
        fetch_ = OcspFetch::start(loop, responder, make_ocsp_request(certificate.get(), issuer.get()), *this);
    return now(loop) < valid_until_ ? der_ : kNothing;
}

void Staple::on_answer(Result<std::string> der) {
    fetch_ = nullptr;
    ask_at_ = now(*loop_) + kAfterFailure;
    if (der) return store(*loop_, std::move(*der));
    if (der.error().text.empty()) return;
    loop_->log().error(0, to_text(der.error()), " while requesting certificate status, responder: ", responder.host,
                       ", certificate: \"", name, "\"");
}

void Staple::store(event::Loop& loop, std::string der) {
    const OcspQuestion question{certificate.get(), issuer.get(), trusted, others,
                                verifies ? OcspSigner::one_of_ours : OcspSigner::anybody};
    const Result<OcspAnswer> judged = judge_ocsp_answer(der, question);
    const bool is_good = judged && judged->status == CertificateStatus::good;
    if (!is_good) {
        loop.log().error(
            0, judged ? Text("certificate status is not \"good\" in the OCSP response") : Text(judged.error().text),
            " while requesting certificate status, responder: ", responder.host, ", certificate: \"", name, "\"");
        return;
    }
    der_ = std::move(der);
    valid_until_ = judged->valid_until != 0 ? judged->valid_until : kForever;
    const int64_t soon = now(loop) + kAskAgain;
    ask_at_ = std::max(now(loop) + kAfterFailure,
                       judged->valid_until != 0 ? std::min(soon, judged->valid_until - kBeforeEnd) : soon);
}

}  // namespace sluice::tls
