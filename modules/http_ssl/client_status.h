// ClientStatus: whether the certificates of a client were withdrawn, as responders of OCSP say. Requests of the
// connection wait until it is known.
//   ssl_verify_client on;  ssl_ocsp on;  ssl_ocsp_cache shared:OCSP:1m;
#pragma once

#include <string>

#include <sluice/core/base/list.h>
#include <sluice/http/request.h>

#include "certificate.h"
#include "ocsp_fetch.h"
#include "transport.h"

namespace sluice::tls {

struct ServerConf;

/// A request that waits; its state.
class StatusWaiter final : public http::Waiter, public ListNode<StatusWaiter> {
 public:
    http::Request* request = nullptr;
    void on_client_gone(http::Request& gone) override;
};

class ClientStatus final : public TransportCompanion, public OcspReceiver {
 public:
    enum class State : uint8_t { asking, good, bad };

    /// Of a client's connection, whose certificate was verified; made when first asked for.
    static ClientStatus& of(TlsTransport& transport, event::Loop& loop, const ServerConf& conf);
    ~ClientStatus() override;

    State state() const { return state_; }
    /// In nginx's words, when it is bad: "certificate revoked".
    Text reason() const { return reason_; }
    /// The request is resumed, with a verdict of `judge`, when it is known.
    void wait(http::Request& request, http::Verdict (*judge)(http::Request&));

    // OcspReceiver
    void on_answer(Result<std::string> der) override;

 private:
    ClientStatus(TlsTransport& transport, event::Loop& loop, const ServerConf& conf);
    void find_chain();
    void go_on();
    bool ask();
    void take(int status);
    void end(State state, Text reason);
    void report(const Error& error) const;

    TlsTransport& transport_;
    event::Loop& loop_;
    const ServerConf& conf_;
    State state_ = State::asking;
    Text reason_;
    UniqueChain chain_;
    int next_ = 0;  ///< certificate of the chain that is asked about
    Responder responder_;
    const Responder* asked_ = nullptr;
    OcspFetch* fetch_ = nullptr;
    http::Verdict (*judge_)(http::Request&) = nullptr;
    List<StatusWaiter, StatusWaiter> waiting_;
};

}  // namespace sluice::tls
