// Staple: the status of one certificate as clients get it, and who is asked for it.
#pragma once

#include <string>

#include <sluice/event/loop.h>

#include "ocsp_answer.h"
#include "ocsp_fetch.h"

namespace sluice::tls {

class Staple final : public OcspReceiver {
 public:
    Staple() = default;
    Staple(const Staple&) = delete;
    ~Staple();

    UniqueCertificate certificate;
    UniqueCertificate issuer;
    std::string name;  ///< of the certificate's file, for messages
    X509_STORE* trusted = nullptr;
    STACK_OF(X509) * others = nullptr;
    Responder responder;    ///< no addresses: the answer is fixed
    bool verifies = false;  ///< ssl_stapling_verify

    /// What is known now, or empty; asks for it, or for a fresh one, when it is time.
    const std::string& answer(event::Loop& loop);
    void set_fixed(std::string der);

    // OcspReceiver
    void on_answer(Result<std::string> der) override;

 private:
    void store(event::Loop& loop, std::string der);

    std::string der_;
    int64_t valid_until_ = 0;  ///< Unix time
    int64_t ask_at_ = 0;
    event::Loop* loop_ = nullptr;
    OcspFetch* fetch_ = nullptr;
};

}  // namespace sluice::tls
