// MutedStream: the client's stream once its answer is complete and the request walks on for `post_action`: it is
// still read from, but nothing more is said to it.
#pragma once

#include "http/stream.h"

namespace sluice::http {

class MutedStream final : public Stream {
 public:
    /// `client` outlives it.
    explicit MutedStream(Stream& client) : client_(client) {}

    OutputState send_head(Request&, event::Chain& body, bool) override { return drop(body); }
    OutputState send_body(Request&, event::Chain& body, bool) override { return drop(body); }
    void send_interim(Request&, uint16_t, const Headers&) override {}
    void start_body(Request& request) override { client_.start_body(request); }
    void pause_body(Request& request) override { client_.pause_body(request); }
    void resume_body(Request& request) override { client_.resume_body(request); }
    /// Ends the request: there is nobody to switch protocols with.
    void upgrade(Request& request, Tunnel&) override { client_.on_finished(request); }
    void pause_tunnel(Request&, bool) override {}
    void on_finished(Request& request) override { client_.on_finished(request); }
    /// The answer itself was complete.
    void abort(Request& request) override { client_.on_finished(request); }
    Bytes bytes_sent(const Request& request) const override { return client_.bytes_sent(request); }
    bool has_pending_output(const Request&) const override { return false; }

 private:
    static OutputState drop(event::Chain& body) {
        body.clear();
        return OutputState::sent;
    }

    Stream& client_;
};

}  // namespace sluice::http
