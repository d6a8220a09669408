// Exchange: one try after the other: server, connection, request; what a failure leads to.
#include <algorithm>
#include <bit>
#include <utility>

#include "event/loop.h"
#include "http/conf/http_conf.h"
#include "http/server_connection.h"
#include "http/upstream/exchange.h"

namespace sluice::http::upstream {

namespace {

/// Bytes of a streamed body that are kept for another try.
constexpr int64_t kMostRemembered = int64_t{64} * 1024;

/// What the client gets when a failure of this kind is the last.
constexpr uint16_t status_of(Failure failure) {
    switch (failure) {
        case Failure::timeout: return 504;
        case Failure::denied:
        case Failure::http_403: return 403;
        case Failure::http_404: return 404;
        case Failure::http_429: return 429;
        case Failure::http_500: return 500;
        case Failure::http_503: return 503;
        case Failure::http_504: return 504;
        case Failure::error:
        case Failure::invalid_header:
        case Failure::http_502:
        case Failure::updating:
        case Failure::non_idempotent:
        case Failure::off:
        case Failure::http_other: return 502;
    }
    return 502;
}

/// Methods that must not be repeated when a server may have acted on them (RFC 9110 §9.2.2; nginx's list).
constexpr bool is_idempotent(Method method) {
    return method != Method::post && method != Method::lock && method != Method::patch;
}

}  // namespace

/// What fail_timeout counts in. The system's clock may be set back: a server that failed would be out for as long.
Seconds Exchange::seconds() const {
    return {request_.connection().loop().now().count / 1000};
}

void Exchange::begin_try(Text address) {
    Try* made = arena().make<Try>();
    made->address = address;
    made->started = request_.connection().loop().now();
    made->is_new_exchange = tried_ == 0 && try_ != nullptr;
    (try_ != nullptr ? try_->next : first_try_) = made;
    try_ = made;
    ++tried_;
    answer = {};
    rate_limit_ = 0;
    is_upgrade = false;
    was_sent_ = is_request_sent_ = false;
    reconnects_ = 0;
}

void Exchange::next_try() {
    peer_ = selection_->pick(seconds());
    if (peer_ == nullptr) {
        begin_try(group_.host);
        try_->status = 502;
        try_->response_time = 0;
        request_.set_action("connecting to upstream");
        request_.log().error(0, "no live upstreams");
        end_with(502);
        return;
    }
    begin_try(peer_->address.name);
    SLUICE_LOG_DEBUG(request_.log(), "upstream try ", tried_, ": ", peer_->address.name);
    if (destination_.sessions != nullptr) {
        is_reused_ = join();
        return is_reused_ ? send_request() : reach();
    }
    const event::SocketAddress address = peer_address();
    if (group_.pool != nullptr) connection_ = group_.pool->take(route_to(address));
    is_reused_ = connection_ != nullptr;
    if (!is_reused_) return connect();
    connection_->set_user(this);
    channel_ = connection_;
    SLUICE_LOG_DEBUG(request_.log(), "upstream: kept connection, fd: ", connection_->socket().fd(),
                     ", requests: ", connection_->requests);
    try_->connect_time = 0;
    ++connection_->requests;
    send_request();
}

void Exchange::send_request() {
    sent_before_ = channel_->user_bytes_sent();
    event::Chain chain;
    try_->is_being_asked = true;
    const bool is_written = protocol_.write_request(*this, chain);
    try_->is_being_asked = false;
    if (!is_written) {
        end_with(500);
        return;
    }
    protocol_.begin_answer(*this);
    // Beside the head, nothing comes sooner than it may.
    if (!conf_.limit_rate->is_zero()) channel_->limit_receiving(static_cast<uint32_t>(conf_.buffer_size->count));
    enter(State::sending);
    was_sent_ = true;
    [[maybe_unused]] const int64_t size = chain.size();
    send_remembered(chain);
    const event::SendState sent = channel_->send(chain, !streams_body_ || is_body_last_);
    SLUICE_LOG_DEBUG(request_.log(), "upstream: sending ", size,
                     " bytes: ", sent == event::SendState::done ? "done" : "pending or failed");
    switch (sent) {
        case event::SendState::done: on_request_sent(); break;
        case event::SendState::pending:
            arm_timer();
            if (was_body_streamed_ && !is_body_last_) hold_body();
            break;
        case event::SendState::failed: on_failed(channel_->send_error()); break;
    }
}

// Of a streamed body, the next piece is due.
void Exchange::on_request_sent() {
    if (streams_body_ && !is_body_last_) {
        if (!was_body_streamed_) {
            was_body_streamed_ = true;
            request_.body.stream_to(request_, *this);
        } else if (is_body_held_) {
            is_body_held_ = false;
            to_upstream_.release();
            request_.stream().resume_body(request_);
        }
        if (!is_body_last_) {
            // It waits for its client, for whom client_body_timeout counts.
            if (!is_body_held_) sends_.end();
            return;
        }
        if (channel_ == nullptr || channel_->is_sending()) return;
    }
    is_request_sent_ = true;
    sends_.end();
    if (state_ == State::sending) enter(State::reading_head);
}

void Exchange::on_sent() {
    if (has_ended()) return;
    if (state_ == State::tunnel) {
        is_upstream_pending_ = false;
        to_upstream_.release();
        arm_timer();
        push_to_upstream();
        return;
    }
    on_request_sent();
}

/// The next piece comes when this one has left.
void Exchange::hold_body() {
    is_body_held_ = true;
    request_.stream().pause_body(request_);
}

/// The bytes of a streamed body are valid during their delivery only. One piece is on its way at a time, so that all
/// of them use the same room.
Text Exchange::keep_piece(Text piece) {
    if (piece.size() > body_room_.size()) body_room_ = arena().make_bytes(std::bit_ceil(piece.size()));
    std::copy(piece.begin(), piece.end(), body_room_.begin());
    return {body_room_.data(), piece.size()};
}

/// The beginning of a streamed body, for another try.
void Exchange::remember(Text piece) {
    if (!remembers_body_ || piece.empty()) return;
    if (channel_ != nullptr && remembered_.size() + static_cast<int64_t>(piece.size()) > kMostRemembered) {
        remembers_body_ = false;
        remembered_.clear();
        return;
    }
    remembered_.add(arena(), arena().copy(piece));
}

/// What another try has had already, or has come since then: framed as one piece.
void Exchange::send_remembered(event::Chain& chain) {
    if (remembered_.empty() && !is_body_last_) return;
    TextBuilder whole(arena().make_bytes(static_cast<size_t>(remembered_.size())));
    for (const event::Buffer* piece = remembered_.head(); piece != nullptr; piece = piece->next)
        whole.add(piece->text());
    event::Chain body;
    protocol_.write_body(*this, whole.text(), is_body_last_, body);
    chain.splice(body);
}

void Exchange::on_body(Request&, Text piece, bool is_last) {
    if (state_ == State::ended || (channel_ == nullptr && !remembers_body_)) return;
    is_body_last_ = is_last;
    remember(piece);
    if (channel_ == nullptr) {
        // Between two tries: it goes with the next.
        is_body_held_ = true;
        if (!is_last) request_.stream().pause_body(request_);
        return;
    }
    event::Chain chain;
    protocol_.write_body(*this, keep_piece(piece), is_last, chain);
    if (chain.empty() && !is_last) return;
    switch (channel_->send(chain, is_last)) {
        case event::SendState::done:
            // Until the next piece it waits for its client.
            sends_.end();
            if (is_last) on_request_sent();
            break;
        case event::SendState::pending:
            watch_sending();
            if (!is_last) hold_body();
            break;
        case event::SendState::failed: on_failed(channel_->send_error()); break;
    }
}

void Exchange::on_body_failed(Request&, uint16_t status) {
    if (state_ == State::ended) return;
    if (request_.response.is_header_sent) {
        break_answer();
    } else {
        end_with(status);
    }
}

bool Exchange::is_repeatable() const {
    return is_idempotent(request_.method) || conf_.next_upstream->has(Failure::non_idempotent);
}

bool Exchange::may_repeat() const {
    if (was_body_streamed_ && !remembers_body_) return false;
    return !was_sent_ || is_repeatable();
}

bool Exchange::may_try_again(Failure failure, uint32_t tries_left) const {
    if (tries_left == 0 || !may_repeat()) return false;
    if (conf_.next_upstream->has(Failure::off) || !conf_.next_upstream->has(failure)) return false;
    if (*conf_.next_upstream_tries != 0 && tried_ >= *conf_.next_upstream_tries) return false;
    const Msec limit = *conf_.next_upstream_timeout;
    return limit.count == 0 || request_.connection().loop().now() - started_ < limit;
}

void Exchange::fail(Failure failure) {
    const bool is_refusal = failure == Failure::http_403 || failure == Failure::http_404;
    fail(failure, is_refusal ? balance::Outcome::ok : balance::Outcome::failed);
}

void Exchange::fail(Failure failure, balance::Outcome outcome) {
    if (try_->status == 0) try_->status = status_of(failure);
    end_try(outcome, false);
    SLUICE_LOG_DEBUG(request_.log(), "upstream: try ", tried_, " failed, status: ", status_of(failure),
                     ", tries left: ", selection_->tries_left());
    if (may_try_again(failure, selection_->tries_left())) {
        next_try();
    } else {
        end_with(status_of(failure));
    }
}

/// A connection that was kept, or shared, turned out to be closed, before anything of an answer came.
bool Exchange::is_stale() const {
    return is_reused_ && reconnects_ < kMostReconnects && try_->bytes_received == 0 && may_repeat();
}

// The server had no part in that. By a new connection: what was refused on an old one would be refused there again.
void Exchange::reconnect() {
    SLUICE_LOG_DEBUG(request_.log(), "upstream: connection ended by no fault of this request, making another");
    if (channel_ != nullptr) std::exchange(channel_, nullptr)->close();
    connection_ = nullptr;
    is_reused_ = false;
    ++reconnects_;
    was_sent_ = is_request_sent_ = false;
    timer_.disarm();
    sends_.end();
    reach();
}

/// The try is over: the server is given back, the connection kept or closed.
void Exchange::end_try(balance::Outcome outcome, bool keeps) {
    timer_.disarm();
    sends_.end();
    is_rate_limited_ = false;
    PeerConnection* connection = std::exchange(connection_, nullptr);
    if (opening_ != nullptr) std::exchange(opening_, nullptr)->leave(*this);
    if (channel_ != nullptr) {
        Channel& channel = *std::exchange(channel_, nullptr);
        try_->bytes_sent = channel.user_bytes_sent() - sent_before_;
        SLUICE_LOG_DEBUG(request_.log(), "upstream: try ended, received: ", try_->bytes_received, ", ",
                         keeps && group_.pool != nullptr ? "keeping" : "closing", " connection");
        if (keeps) {
            channel.finish(group_.pool);
        } else {
            channel.close();
        }
    } else if (connection != nullptr) {
        connection->close();
    }
    if (try_ != nullptr && try_->response_time < 0)
        try_->response_time = (request_.connection().loop().now() - try_->started).count;
    selection_->release(outcome, seconds());
}

void Exchange::end_with(uint16_t status) {
    abandon();
    // What becomes of the request now is no part of the dialogue.
    request_.set_action({});
    request_.finish(status);
}

/// Nothing more comes from or goes to the upstream.
void Exchange::abandon() {
    if (state_ == State::ended) return;
    end_try(balance::Outcome::ok, false);
    state_ = State::ended;
    if (!request_.is_finished() && request_.source() == this) request_.set_source(nullptr);
}

}  // namespace sluice::http::upstream
