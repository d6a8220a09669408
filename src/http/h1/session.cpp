// h1::Session: the life of a connection's exchanges, from first byte to close.
#include "http/h1/session.h"

#include <algorithm>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/tunnel.h"
#include "http/worker.h"

namespace sluice::http::h1 {

namespace {

/// Bytes of pipelined requests that are kept while an exchange runs; then receiving pauses.
constexpr size_t kMostAhead = 16384;

}  // namespace

Session::Session(ServerConnection& connection)
    : connection_(connection),
      send_timer_(event::Timer::call<&Session::on_send_timer>, this),
      rate_timer_(event::Timer::call<&Session::on_rate_timer>, this),
      settle_task_(event::Task::call<&Session::settle>, this) {}

Session::~Session() {
    discard_request();
}

void Session::discard_request() {
    request_ = nullptr;
    held_.clear();
    arena_.reset();
}

// Every entry from the loop goes through leave(): what finished meanwhile ends there, with none of our frames below.
void Session::leave() {
    --depth_;
    if (depth_ == 0) settle();
}

void Session::on_received(event::Received& received) {
    ++depth_;
    if (state_ == State::tunnel) {
        tunnel_->on_client_received(received);
    } else {
        take(received.bytes());
    }
    leave();
}

void Session::take(Text bytes) {
    while (!bytes.empty()) {
        switch (state_) {
            case State::idle:
                begin_head();
                bytes = read_head(bytes);
                break;
            case State::head: bytes = read_head(bytes); break;
            case State::exchange:
            case State::draining:
                bytes = take_body(bytes);
                if (bytes.empty() || state_ == State::idle) break;
                keep_ahead(bytes);
                return;
            case State::tunnel:
            case State::lingering:
            case State::closed: return;
        }
    }
}

void Session::keep_ahead(Text bytes) {
    ahead_.append(bytes);
    if (ahead_.size() >= kMostAhead) connection_.transport().pause();
}

Text Session::take_body(Text bytes) {
    if (body_.is_complete() || bytes.empty()) return bytes;
    if (state_ == State::draining || is_over_) {
        bytes = body_.skip(bytes);
        if (body_.is_broken()) keeps_alive_ = false;
        if ((body_.is_complete() || body_.is_broken()) && state_ == State::draining) is_over_ = true;
        return body_.is_broken() ? Text{} : bytes;
    }
    if (!wants_body_ || is_body_paused_) return bytes;
    bytes = body_.feed(*request_, bytes, is_body_paused_);
    if (body_.is_complete() || is_over_) {
        connection_.stop_timer();
    } else if (wants_body_) {
        connection_.start_timer(*request_->conf<LocationConf>().client_body_timeout);
    }
    return bytes;
}

void Session::on_sent() {
    ++depth_;
    send_timer_.disarm();
    if (state_ == State::tunnel) {
        tunnel_->on_client_sent();
    } else if (request_ != nullptr && !is_over_) {
        if (!held_.empty()) {
            static_cast<void>(transmit_limited(*request_));
        } else {
            request_->on_output_gone();
        }
    }
    leave();
}

void Session::on_peer_closed() {
    ++depth_;
    peer_closed_ = true;
    switch (state_) {
        case State::idle:
        case State::lingering: close(); break;
        case State::head:
            connection_.log().info("client prematurely closed connection while reading client request headers");
            end_head(400);
            break;
        case State::draining:
            is_over_ = true;
            keeps_alive_ = false;
            break;
        case State::exchange:
            if (!body_.is_complete() && wants_body_) {
                request_->log().info("client prematurely closed connection");
                request_->body.fail(*request_, 400);
                if (!is_over_) request_->on_client_gone();
            } else {
                request_->on_client_gone();
            }
            break;
        case State::tunnel:
            // While paused, bytes may still follow: it is told again behind them.
            if (!connection_.transport().is_paused()) tunnel_->on_client_closed();
            break;
        case State::closed: break;
    }
    leave();
}

/// A head that will never be complete: nothing is answered, and the log says why.
void Session::end_head(uint16_t status) {
    request_->finish(kStatusClientClosed);
    request_->response.status = status;
}

void Session::on_failed(const Error& error) {
    ++depth_;
    is_broken_ = true;
    if (state_ == State::tunnel) {
        tunnel_->on_client_failed(error);
    } else if (request_ != nullptr && !is_over_) {
        request_->log().write(LogLevel::info, error.number, error.text);
        request_->on_client_gone();
        request_->finish(kStatusClientClosed);
    } else {
        close();
    }
    leave();
}

void Session::on_timer() {
    ++depth_;
    switch (state_) {
        case State::head:
            request_->log().write(LogLevel::info, ETIMEDOUT, "client timed out");
            resets_ = *request_->conf<LocationConf>().reset_timedout_connection;
            end_head(408);
            break;
        case State::exchange:
            if (!is_over_ && wants_body_ && !body_.is_complete()) {
                request_->log().write(LogLevel::info, ETIMEDOUT, "client timed out");
                request_->body.fail(*request_, 408);
            }
            break;
        case State::draining:
            keeps_alive_ = false;
            is_over_ = true;
            break;
        case State::idle:
        case State::lingering: close(); break;
        case State::tunnel:
        case State::closed: break;
    }
    leave();
}

void Session::shut_down() {
    if (state_ != State::idle) return;
    ++depth_;
    wait_or_close();
    leave();
}

/// Between requests while the worker leaves. A connection that has not asked for anything yet was opened to do so.
void Session::wait_or_close() {
    constexpr Msec kFirstRequest{1000};
    const auto& core = *connection_.address().default_server->root.core;
    Msec grace = std::max(connection_.worker().grace_left(), *core.keepalive_min_timeout);
    if (connection_.requests == 0) grace = std::max(grace, kFirstRequest);
    if (grace.count == 0) {
        close();
    } else if (connection_.requests == 0) {
        connection_.start_timer(grace);
    } else {
        connection_.become_idle(grace);
    }
}

void Session::on_finished(Request&) {
    is_over_ = true;
    if (depth_ == 0) connection_.loop().defer(settle_task_);
}

void Session::abort(Request& request) {
    is_broken_ = true;
    on_finished(request);
}

void Session::settle() {
    ++depth_;
    while (is_over_ && state_ != State::closed) end_exchange();
    --depth_;
}

void Session::end_exchange() {
    is_over_ = false;
    send_timer_.disarm();
    rate_timer_.disarm();
    connection_.stop_timer();
    if (request_ != nullptr && (is_broken_ || !keeps_alive_ || body_.is_complete())) {
        request_->http().phases.run_log(*request_);
    }
    if (is_broken_) {
        close();
        return;
    }
    // A peer that will send no more may still wait for answers to what it sent.
    const bool is_last = peer_closed_ && ahead_.empty() && body_.is_complete();
    if (!keeps_alive_ || is_last) {
        linger();
        return;
    }
    if (!body_.is_complete()) {
        // The response is out, the body is still coming: the next request begins behind it.
        state_ = State::draining;
        const auto& core = request_->conf<LocationConf>();
        connection_.start_timer(*core.lingering_timeout);
        connection_.transport().resume();
        const std::string arrived = std::move(ahead_);
        ahead_ = {};
        take(arrived);
        if (peer_closed_ && !is_over_) {
            keeps_alive_ = false;
            is_over_ = true;
        }
        return;
    }
    next_exchange();
}

void Session::next_exchange() {
    const Msec timeout = request_->conf<LocationConf>().keepalive_timeout->timeout;
    discard_request();
    state_ = State::idle;
    is_body_paused_ = wants_body_ = false;
    if (connection_.transport().is_paused()) connection_.transport().resume();
    if (ahead_.empty()) {
        ahead_ = {};
        if (connection_.worker().is_shutting_down()) {
            wait_or_close();
        } else {
            connection_.become_idle(timeout);
        }
        return;
    }
    const std::string pipelined = std::move(ahead_);
    ahead_ = {};
    is_pipelined_ = true;
    take(pipelined);
    is_pipelined_ = false;
    if (peer_closed_ && state_ == State::head) end_head(400);
}

// The peer may still be sending: closing now would reset the connection and could cost it the response (RFC 9112
// §9.6).
void Session::linger() {
    const auto& core = request_->conf<LocationConf>();
    const bool has_unread = !body_.is_complete() || !ahead_.empty();
    const LingeringClose how = *core.lingering_close;
    const Msec timeout = *core.lingering_timeout;
    const bool lingers =
        !peer_closed_ && (how == LingeringClose::always || (how == LingeringClose::on && has_unread));
    if (!lingers) {
        close();
        return;
    }
    const Msec longest = *core.lingering_time;
    discard_request();
    state_ = State::lingering;
    ahead_ = {};
    connection_.transport().shutdown_write();
    if (connection_.transport().is_paused()) connection_.transport().resume();
    connection_.start_timer(timeout < longest ? timeout : longest);
}

void Session::close() {
    if (state_ == State::closed) return;
    const bool resets = resets_;
    state_ = State::closed;
    discard_request();
    connection_.close(resets);
}

void Session::describe(TextBuilder& line) const {
    switch (state_) {
        case State::idle: line.add(" while waiting for request"); break;
        case State::lingering: line.add(" while closing request"); break;
        case State::head:
        case State::exchange:
        case State::draining:
        case State::tunnel:
        case State::closed: break;
    }
}

}  // namespace sluice::http::h1
