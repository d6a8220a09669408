// h1::Session: the life of a connection's exchanges, from first byte to close.
#include "http/h1/session.h"

#include <algorithm>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/h1/exchange.h"
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
    : connection_(connection), settle_task_(event::Task::call<&Session::settle>, this) {}

Exchange::Exchange(Arena& arena, ServerConnection& connection, Session& session)
    : request(arena, connection, session, connection.http()),
      send_timer(event::Timer::call<&Session::on_send_timer>, &session),
      rate_timer(event::Timer::call<&Session::on_rate_timer>, &session) {}

Session::~Session() {
    discard_request();
}

void Session::discard_request() {
    if (exchange_ == nullptr) return;
    exchange_->held.clear();
    exchange_ = nullptr;
    arena_.reset();
}

// Every entry from the loop goes through leave(): what finished meanwhile ends there, with none of our frames below.
void Session::leave() {
    --depth_;
    if (depth_ == 0) settle();
}

void Session::on_received(event::Received& received) {
    ++depth_;
    SLUICE_LOG_DEBUG(connection_.log(), "received ", received.bytes().size(), " bytes");
    if (state_ == State::tunnel) {
        exchange_->tunnel->on_client_received(received);
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
                if (state_ == State::draining && !is_over_) go_on_discarding();
                if (bytes.empty() || state_ == State::idle) break;
                keep_ahead(bytes);
                return;
            case State::lingering: return go_on_discarding();
            case State::tunnel:
            case State::closed: return;
        }
    }
}

void Session::keep_ahead(Text bytes) {
    if (!has_ahead()) ahead_ = std::make_unique<std::string>();
    ahead_->append(bytes);
    if (ahead_->size() >= kMostAhead) connection_.transport().pause();
}

Text Session::take_body(Text bytes) {
    if (exchange_->body.is_complete() || bytes.empty()) return bytes;
    if (state_ == State::draining || is_over_) {
        bytes = exchange_->body.skip(bytes);
        if (exchange_->body.is_broken()) exchange_->keeps_alive = false;
        if ((exchange_->body.is_complete() || exchange_->body.is_broken()) && state_ == State::draining)
            is_over_ = true;
        return exchange_->body.is_broken() ? Text{} : bytes;
    }
    if (!exchange_->wants_body || exchange_->is_body_paused) return bytes;
    bytes = exchange_->body.feed(exchange_->request, bytes, exchange_->is_body_paused);
    if (exchange_->body.is_complete() || is_over_) {
        connection_.stop_timer();
    } else if (exchange_->wants_body) {
        connection_.start_timer(*exchange_->request.conf<LocationConf>().client_body_timeout);
    }
    return bytes;
}

void Session::on_sent() {
    ++depth_;
    if (exchange_ != nullptr) exchange_->send_timer.disarm();
    if (state_ == State::tunnel) {
        exchange_->tunnel->on_client_sent();
    } else if (exchange_ != nullptr && !is_over_) {
        if (!exchange_->held.empty()) {
            go_on_limited();
        } else {
            exchange_->request.on_output_gone();
        }
    }
    leave();
}

void Session::on_peer_closed() {
    ++depth_;
    // While paused, bytes may still follow: it is told again behind them.
    const bool is_early = connection_.transport().is_paused();
    if (!is_early) peer_closed_ = true;
    switch (state_) {
        case State::idle:
            if (connection_.requests == 0) {
                connection_.log().info("client closed connection");
            } else {
                Log log = connection_.log();
                log.set_context(nullptr);  // the line says who, and nothing more is known
                log.info("client ", connection_.peer().host_text(arena_), " closed keepalive connection");
            }
            close();
            break;
        case State::lingering: close(); break;
        case State::head: end_head(400, 0, "client prematurely closed connection"); break;
        case State::draining:
            is_over_ = true;
            exchange_->keeps_alive = false;
            break;
        case State::exchange:
            if (!exchange_->body.is_complete() && exchange_->wants_body) {
                if (is_early) break;
                lose_body();
            } else if (may_still_listen()) {
                if (is_early) break;
                awaits_end_ = true;
                connection_.transport().await_end();
            } else {
                exchange_->request.on_client_gone();
            }
            break;
        case State::tunnel:
            if (!is_early) exchange_->tunnel->on_client_closed(false);
            break;
        case State::closed: break;
    }
    leave();
}

/// The rest of the body will not come.
void Session::lose_body() {
    exchange_->request.log().info("client prematurely closed connection");
    exchange_->request.body.fail(exchange_->request, 400);
    if (!is_over_) exchange_->request.on_client_gone();
}

/// Who has said by TLS that it sends no more may wait for the answer (RFC 8446 §6.1), and has gone when the stream
/// ends.
bool Session::may_still_listen() const {
    const event::SecureTransport* const secure = connection_.security();
    return !awaits_end_ && secure != nullptr && secure->is_end_announced() && exchange_->body.is_complete();
}

/// A head that will never be complete: nothing is answered, and the log says why.
void Session::end_head(uint16_t status, int error, Text why) {
    if (exchange_->head.is_in_first_line()) show_first_line();
    exchange_->request.log().write(LogLevel::info, error, why);
    exchange_->request.head_length += exchange_->complete_lines();
    exchange_->request.finish(kStatusClientClosed);
    exchange_->request.response.status = status;
}

/// A request that has not ended with its client (`proxy_ignore_client_abort`, `post_action`) goes on as it does when
/// that has closed, as long as it waits for nothing of the connection; what it outputs fails.
bool Session::may_go_on_alone() const {
    const bool waits_for_body = exchange_->wants_body && !exchange_->body.is_complete();
    return state_ == State::exchange && !waits_for_body && !connection_.transport().is_sending() &&
           exchange_->held.empty();
}

void Session::on_failed(const Error& error) {
    ++depth_;
    is_broken_ = true;
    if (exchange_ != nullptr && !is_over_) {
        if (connection_.transport().is_sending()) exchange_->request.set_action("sending response to client");
        exchange_->request.log().write(level_of(error), error.number, error.text);
        if (state_ == State::tunnel) {
            exchange_->tunnel->on_client_failed();
        } else {
            exchange_->request.on_client_gone();
        }
        if (!may_go_on_alone()) exchange_->request.finish(kStatusClientClosed);
    } else if (!is_over_) {
        connection_.log().write(level_of(error), error.number, error.text);
        close();
    }
    leave();
}

void Session::on_timer() {
    ++depth_;
    switch (state_) {
        case State::head:
            resets_ = *exchange_->request.conf<LocationConf>().reset_timedout_connection;
            end_head(408, ETIMEDOUT, "client timed out");
            break;
        case State::exchange:
            if (!is_over_ && exchange_->wants_body && !exchange_->body.is_complete()) {
                exchange_->request.log().write(LogLevel::info, ETIMEDOUT, "client timed out");
                resets_ = *exchange_->request.conf<LocationConf>().reset_timedout_connection;
                exchange_->request.body.fail(exchange_->request, 408);
            }
            break;
        case State::draining:
            is_broken_ = true;
            is_over_ = true;
            break;
        case State::idle:
            if (connection_.requests == 0) connection_.log().write(LogLevel::info, ETIMEDOUT, "client timed out");
            close();
            break;
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

/// Between requests while the worker leaves.
void Session::wait_or_close() {
    const Msec grace = connection_.grace();
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
    if (request.response.status == kStatusCloseSilently)
        resets_ = *request.conf<LocationConf>().reset_timedout_connection;
    on_finished(request);
}

void Session::settle() {
    ++depth_;
    while (is_over_ && state_ != State::closed) end_exchange();
    --depth_;
}

void Session::end_exchange() {
    is_over_ = false;
    exchange_->send_timer.disarm();
    exchange_->rate_timer.disarm();
    connection_.stop_timer();
    if (is_broken_ || !exchange_->keeps_alive || exchange_->body.is_complete()) {
        exchange_->request.http().phases.run_log(exchange_->request);
    }
    if (is_broken_) {
        close();
        return;
    }
    // A peer that will send no more may still wait for answers to what it sent.
    const bool is_last = peer_closed_ && !has_ahead() && exchange_->body.is_complete();
    if (!exchange_->keeps_alive || is_last) {
        linger();
        return;
    }
    if (!exchange_->body.is_complete()) {
        // The response is out, the body is still coming: the next request begins behind it.
        state_ = State::draining;
        begin_discarding(exchange_->request.conf<LocationConf>());
        connection_.transport().resume();
        if (has_ahead()) take(*take_ahead());
        if (peer_closed_ && !is_over_) {
            exchange_->keeps_alive = false;
            is_over_ = true;
        }
        return;
    }
    next_exchange();
}

void Session::next_exchange() {
    const Msec timeout = exchange_->request.conf<LocationConf>().keepalive_timeout->timeout;
    discard_request();
    state_ = State::idle;
    discards_until_ = {};
    if (connection_.transport().is_paused()) connection_.transport().resume();
    if (!has_ahead()) {
        if (connection_.worker().is_shutting_down()) {
            wait_or_close();
        } else {
            connection_.become_idle(timeout);
        }
        return;
    }
    is_pipelined_ = true;
    take(*take_ahead());
    is_pipelined_ = false;
    if (peer_closed_ && state_ == State::head) end_head(400, 0, "client prematurely closed connection");
}

// The peer may still be sending: closing now would reset the connection and could cost it the response (RFC 9112
// §9.6).
void Session::linger() {
    const auto& core = exchange_->request.conf<LocationConf>();
    const bool has_unread = !exchange_->is_end_known || !exchange_->body.is_complete() || has_ahead();
    const LingeringClose how = *core.lingering_close;
    const bool lingers =
        !peer_closed_ && (how == LingeringClose::always || (how == LingeringClose::on && has_unread));
    if (!lingers) {
        close();
        return;
    }
    begin_discarding(core);
    discard_request();
    state_ = State::lingering;
    ahead_ = nullptr;
    connection_.transport().shutdown_write();
    if (connection_.transport().is_paused()) connection_.transport().resume();
}

/// What the client still sends is thrown away, for lingering_time at most, whatever becomes of the exchange
/// meanwhile.
void Session::begin_discarding(const LocationConf& core) {
    if (discards_until_.count == 0) discards_until_ = connection_.loop().now() + *core.lingering_time;
    longest_silence_ = static_cast<uint32_t>(std::min<int64_t>(core.lingering_timeout->count, UINT32_MAX));
    go_on_discarding();
}

void Session::go_on_discarding() {
    const int64_t left = std::max<int64_t>((discards_until_ - connection_.loop().now()).count, 0);
    connection_.start_timer({std::min<int64_t>(left, longest_silence_)});
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
        case State::idle:
            if (connection_.requests == 0) line.add(" while waiting for request");
            break;
        case State::lingering: line.add(" while closing request"); break;
        case State::head:
        case State::exchange:
        case State::draining:
        case State::tunnel:
        case State::closed: break;
    }
}

}  // namespace sluice::http::h1
