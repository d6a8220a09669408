// Stream: its beginning and its end.
#include "stream.h"

#include <sluice/sdk.h>

#include "session.h"

namespace sluice::http2 {

using http::Request;

Stream::Stream(Session& session, int32_t id)
    : session_(session),
      request_(arena_.make<Request>(arena_, session.connection(), *this, session.connection().http())),
      head_(session.head_limits()),
      id_(id),
      held_task_(event::Task::call<&Stream::tunnel_held>, this),
      body_timer_(event::Timer::call<&Stream::on_body_timer>, this),
      send_timer_(event::Timer::call<&Stream::on_send_timer>, this),
      rate_timer_(event::Timer::call<&Stream::on_rate_timer>, this) {
    request_->use_server(session.connection().server());
    request_->version = http::kHttp2;
    request_->set_action("reading client request headers");
    request_->keeps_alive = true;
}

Stream::~Stream() {
    drop_input();
}

void Stream::on_finished(Request&) {
    is_over_ = true;
    session_.wake();
}

void Stream::abort(Request& request) {
    is_broken_ = true;
    on_finished(request);
}

void Stream::on_reset_sent(uint32_t error) {
    is_reset_by_us_ = true;
    // The library has found it; what we find has been logged.
    if (error == NGHTTP2_FLOW_CONTROL_ERROR) request_->log().info("client violated flow control for stream ", id_);
}

void Stream::on_closed(uint32_t error) {
    is_closed_ = true;
    session_.on_stream_closed();
    if (is_over_) return session_.wake();
    if (is_answer_leaving()) return;
    if (!has_begun_) {
        // A head that was refused, or never came to its end.
        request_->finish(http::kStatusClientClosed);
        request_->response.status = 400;
        return;
    }
    if (error != NGHTTP2_NO_ERROR && !is_reset_by_us_) request_->log().info("client canceled stream ", id_);
    on_client_lost();
}

/// For its body, for its windows or for the connection to take what it is given.
bool Stream::waits_for_client() const {
    return is_pending_ || (body_ != Body::waiting && !is_input_ended_);
}

void Stream::on_client_lost() {
    if (is_over_ || tunnel_ != nullptr || !has_begun_ || waits_for_client()) return on_connection_lost();
    request_->on_client_gone();
}

void Stream::on_connection_lost() {
    is_pending_ = false;
    out_.clear();
    if (is_over_) return;
    if (tunnel_ != nullptr) {
        tunnel_->on_client_failed();
    } else {
        if (body_ == Body::wanted && !is_input_ended_) request_->body.fail(*request_, 400);
        request_->on_client_gone();
    }
    request_->finish(http::kStatusClientClosed);
}

/// All of it is on its way, and the request only has to hear that it has gone.
bool Stream::is_answer_leaving() const {
    return is_output_ended_ && (!is_pending_ || ListNode<GoneTag>::is_linked());
}

void Stream::on_peer_closed() {
    if (is_over_) return;
    if (tunnel_ != nullptr) {
        tunnel_->on_client_closed(false);
    } else if (!has_begun_) {
        request_->log().info("client prematurely closed connection");
        request_->finish(http::kStatusClientClosed);
        request_->response.status = 400;
    } else if (!is_input_ended_ && body_ == Body::wanted) {
        lose_body();
    } else {
        request_->on_client_gone();
    }
    if (!is_over_ && is_pending_ && !is_answer_leaving()) on_connection_lost();
}

/// The rest of the body will not come.
void Stream::lose_body() {
    if (!is_closed_) request_->log().info("client prematurely closed connection");
    request_->body.fail(*request_, 400);
    if (!is_over_) request_->on_client_gone();
}

void Stream::end() {
    has_ended_ = true;
    body_timer_.disarm();
    send_timer_.disarm();
    rate_timer_.disarm();
    request_->http().phases.run_log(*request_);
    drop_input();
    if (is_broken_ && !is_closed_) {
        session_.reset(*this, tunnel_ != nullptr ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
        return;
    }
    if (!is_broken_) session_.on_answered();
    // RFC 9113 §8.1: the answer is complete, and what the client still sends is for nobody.
    if (!is_closed_ && !is_input_ended_) session_.reset(*this, NGHTTP2_NO_ERROR);
}

}  // namespace sluice::http2
