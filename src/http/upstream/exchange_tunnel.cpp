// Exchange: after 101 Switching Protocols: bytes both ways without meaning, until one side ends.
#include "event/loop.h"
#include "http/server_connection.h"
#include "http/upstream/exchange.h"

namespace sluice::http::upstream {

void Exchange::begin_tunnel(event::Received& received, Text rest) {
    if (streams_body_ && !is_body_last_) {
        // What the client still sends would be a body to us and something else to the upstream.
        request_.log().error(0, "upstream switched protocols within the request body");
        return fail(Failure::invalid_header);
    }
    sends_.end();
    enter(State::tunnel);
    is_upstream_pending_ = channel_->is_sending();
    pass_answer(*this);
    if (!request_.send_header()) return abandon();
    event::Chain head_only;
    const OutputState state = request_.output(head_only, false);
    if (state == OutputState::failed) return abandon();
    is_output_pending_ = state == OutputState::pending;
    name_action();
    request_.set_waiter(nullptr);
    if (!rest.empty()) to_client_.add(received, rest);
    request_.stream().upgrade(request_, *this);
    if (state_ == State::tunnel) push_to_client();
}

void Exchange::take_tunnel(event::Received& received) {
    arm_timer();
    to_client_.add(received, received.bytes());
    push_to_client();
}

void Exchange::push_to_client() {
    if (!is_output_pending_ && !to_client_.is_empty()) {
        event::Chain chain = to_client_.take();
        switch (request_.stream().send_body(request_, chain, false)) {
            case OutputState::sent: to_client_.release(); break;
            case OutputState::pending: is_output_pending_ = true; break;
            case OutputState::failed: return abandon();
        }
    }
    if (is_output_pending_) {
        channel_->pause();
    } else {
        channel_->resume();
    }
    end_tunnel_if_done();
}

void Exchange::push_to_upstream() {
    if (!is_upstream_pending_ && !to_upstream_.is_empty()) {
        event::Chain chain = to_upstream_.take();
        switch (channel_->send(chain, false)) {
            case event::SendState::done: to_upstream_.release(); break;
            case event::SendState::pending: is_upstream_pending_ = true; break;
            case event::SendState::failed: return end_tunnel();
        }
    }
    request_.stream().pause_tunnel(request_, is_upstream_pending_);
    end_tunnel_if_done();
}

void Exchange::on_client_ahead(Text bytes) {
    if (state_ != State::tunnel) return;
    to_upstream_.add(arena().copy(bytes));
    push_to_upstream();
}

void Exchange::on_client_received(event::Received& received) {
    if (state_ != State::tunnel) return;
    arm_timer();
    to_upstream_.add(received, received.bytes());
    push_to_upstream();
}

void Exchange::on_client_sent() {
    is_output_pending_ = false;
    to_client_.release();
    if (state_ == State::tunnel) {
        arm_timer();
        return push_to_client();
    }
    // The tunnel has ended; the request has waited for its last bytes to leave.
    request_.on_output_gone();
}

/// Browsers end their stream with the frame that closes the WebSocket, and wait for the upstream's, which then closes
/// (RFC 6455 §7.1.1). It is not told by a FIN: proxies on the way, nginx among them, would end both directions at
/// once.
void Exchange::on_client_closed(bool still_listens) {
    if (state_ != State::tunnel) return;
    client_closed_ = !still_listens;
    client_listens_ = still_listens;
    arm_timer();
    end_tunnel_if_done();
}

void Exchange::on_client_failed() {
    abandon();
}

void Exchange::close_tunnel() {
    upstream_closed_ = true;
    end_tunnel_if_done();
}

/// As in nginx, who closes its connection ends both directions, once what it sent has been delivered.
void Exchange::end_tunnel_if_done() {
    if (state_ != State::tunnel) return;
    const bool is_done = (upstream_closed_ && to_client_.is_empty() && !is_output_pending_) ||
                         (client_closed_ && to_upstream_.is_empty() && !is_upstream_pending_);
    if (is_done) end_tunnel();
}

void Exchange::end_tunnel() {
    abandon();
    request_.finish(0);
}

/// The client is to see that this was no orderly end (RFC 8441 §5), unless bytes are still on their way to it.
void Exchange::break_tunnel() {
    if (is_output_pending_ || !to_client_.is_empty()) return end_tunnel();
    abandon();
    request_.finish(502);
}

}  // namespace sluice::http::upstream
