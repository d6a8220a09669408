// OcspFetch: one question to a responder over HTTP, and its answer.
//
//   connect ─► send GET ─► read head and body ─► on_answer(DER)
//      └────────── anything else ──────────────► on_answer(error)
#pragma once

#include <string>

#include <sluice/core/base/arena.h>
#include <sluice/core/base/list.h>
#include <sluice/event/connection.h>
#include <sluice/event/loop.h>
#include <sluice/event/timer.h>

#include "ocsp_responder.h"

namespace sluice::tls {

class OcspReceiver {
 public:
    /// Once, from the loop, or when the worker stops (an error without a text). The fetch is gone then.
    virtual void on_answer(Result<std::string> der) = 0;

 protected:
    ~OcspReceiver() = default;
};

/// Buries itself when it is done; whoever loses interest calls cancel(), and nobody else holds on to it.
class OcspFetch final : public event::ConnectionHandler, public event::Mortal, public ListNode<OcspFetch> {
 public:
    /// Begins; on_answer() never comes from within. `request`: DER. The responder outlives it.
    static OcspFetch* start(event::Loop& loop, const Responder& responder, const std::string& request,
                            OcspReceiver& receiver);
    void cancel();
    void finish(Result<std::string> answer);

    // event::ConnectionHandler
    void on_received(event::Received& received) override;
    void on_sent() override {}
    void on_connected() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    // event::Mortal
    bool can_be_buried() const override { return !connection_.has_operations(); }

 private:
    OcspFetch(event::Loop& loop, const Responder& responder, OcspReceiver& receiver);
    void connect();
    void on_timer();
    void on_start();
    bool is_complete() const;
    Result<std::string> parse() const;

    const Responder& responder_;
    OcspReceiver* receiver_;
    event::Connection connection_;
    event::Timer timer_;
    event::Task start_;
    Arena arena_;
    std::string request_;  ///< of HTTP
    std::string answer_;
    size_t address_ = 0;  ///< that is tried
    bool is_over_ = false;
};

/// An error as it stands in the middle of a line: "connect() failed (111: Connection refused)".
std::string to_text(const Error& error);

/// Ends all that are under way in this worker: its loop is about to end.
void cancel_fetches();

}  // namespace sluice::tls
