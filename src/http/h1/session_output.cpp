// h1::Session: the response's way out: head, chunks, rate limit, time-outs.
#include <algorithm>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/h1/exchange.h"
#include "http/h1/response_head.h"
#include "http/h1/session.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/tunnel.h"
#include "http/worker.h"

namespace sluice::http::h1 {

namespace {

/// A body that is copied behind its head: cheaper than to hand the kernel one piece more.
bool is_worth_joining(const event::Chain& body) {
    constexpr int64_t kMost = 2048;
    return body.size() <= kMost && !body.has_files();
}

}  // namespace

// A connection persists (RFC 9112 §9.3) if client, configuration and this response allow it.
bool Session::decide_persistence(Request& request) {
    const auto& core = request.conf<LocationConf>();
    return request.keeps_alive && connection_.may_persist(core) &&
           !disables_keepalive(request, *core.keepalive_disable);
}

OutputState Session::send_head(Request& request, event::Chain& body, bool is_last) {
    Response& response = request.response;
    exchange_->keeps_alive = decide_persistence(request);
    connection_.set_no_delay(*request.conf<LocationConf>().tcp_nodelay);
    const bool has_body =
        !response.is_header_only && response.status != 204 && response.status != 304 && response.status >= 200;
    if (!has_body) {
        body.clear();
        response.is_header_only = true;
    } else if (response.content_length == Response::kUnknownLength) {
        exchange_->is_chunked = request.version >= kHttp11 && *request.conf<LocationConf>().chunked_transfer_encoding;
        if (!exchange_->is_chunked) exchange_->keeps_alive = false;
        response.is_chunked = exchange_->is_chunked;
    }
    request.keeps_alive = exchange_->keeps_alive;
    if (!exchange_->keeps_alive) announce_end(request, is_last);
    if (exchange_->is_chunked) frame_chunk(body, is_last);
    if (request.version > kHttp09) {
        event::Chain joined;
        if (is_worth_joining(body)) joined.splice(body);
        const Text head = write_response_head(request, exchange_->keeps_alive, joined);
        body.prepend(*arena_.make<event::Buffer>(head.data(), head.data() + head.size()));
        request.head_bytes_sent = static_cast<int64_t>(head.size()) - joined.size();
    }
    return transmit(request, body);
}

/// Who said that this request is its last must not send more (RFC 9112 §9.6), though some end a body with a line too
/// many (§2.2). Where we end the connection the client may be sending: it must get what is sent, whatever follows.
void Session::announce_end(const Request& request, bool is_last) {
    connection_.transport().expect_end();
    if (!is_last || !exchange_->client_ends || request.body.framing != RequestBody::Framing::none || has_ahead())
        return;
    // With TLS the end of the handshake may come behind a request in early data.
    event::Connection& transport = connection_.transport();
    if (request.ends_with_answer() && request.limit_rate() == 0 && transport.transport() == nullptr)
        transport.join_end();
}

OutputState Session::send_body(Request& request, event::Chain& body, bool is_last) {
    if (state_ == State::tunnel) return transmit(request, body);
    if (is_last && !exchange_->keeps_alive) announce_end(request, is_last);
    if (request.response.is_header_only) body.clear();
    if (exchange_->is_chunked) frame_chunk(body, is_last);
    return transmit(request, body);
}

void Session::frame_chunk(event::Chain& chain, bool is_last) {
    if (!connection_.transport().is_sending() && exchange_->held.empty()) exchange_->frames.release();
    if (!chain.empty()) exchange_->frames.wrap(arena_, chain);
    if (is_last) chain.add(arena_, write_last_chunk(exchange_->request));
}

OutputState Session::transmit(Request& request, event::Chain& chain) {
    if (is_broken_) {
        // Nobody may have told the request so far: an interim answer finds out, too.
        request.finish(kStatusClientClosed);
        return OutputState::failed;
    }
    if (chain.empty()) return OutputState::sent;
    const bool is_limited = state_ != State::tunnel && request.limit_rate() > 0;
    if (is_limited || !exchange_->held.empty()) {
        exchange_->held.splice(chain);
        return transmit_limited(request);
    }
    return send_now(request, chain);
}

/// sendfile_max_chunk, tcp_nopush and aio; false, with a line in the log, where there is no such pool.
bool Session::prepare_files(Request& request) {
    const auto& core = request.conf<LocationConf>();
    event::ThreadPool* pool = nullptr;
    if (core.aio->way == Aio::threads) {
        pool = connection_.worker().find_thread_pool(request, core.aio->pool.evaluate(request));
        if (pool == nullptr) return false;
    }
    connection_.transport().send_files(core.sendfile_max_chunk->count, pool);
    connection_.transport().fill_packets(*core.tcp_nopush);
    return true;
}

OutputState Session::send_now(Request& request, event::Chain& chain) {
    if (chain.has_files() && !prepare_files(request)) {
        request.finish(500);
        return OutputState::failed;
    }
    [[maybe_unused]] const int64_t size = chain.size();
    const event::SendState state = connection_.transport().send(chain);
    SLUICE_LOG_DEBUG(request.log(), "sending ", size,
                     " bytes: ", state == event::SendState::done ? "done" : "pending or failed");
    switch (state) {
        case event::SendState::done: return OutputState::sent;
        case event::SendState::pending:
            begin_send_timer(*request.conf<LocationConf>().send_timeout);
            return OutputState::pending;
        case event::SendState::failed: break;
    }
    is_broken_ = true;
    exchange_->held.clear();
    request.set_action("sending response to client");
    const Error error = connection_.transport().send_failure();
    request.log().write(level_of(error), error.number, error.text);
    request.finish(kStatusClientClosed);
    return OutputState::failed;
}

OutputState Session::transmit_limited(Request& request) {
    const Msec now = connection_.loop().now();
    const auto share = exchange_->rate_limit.take(request, now, exchange_->held.size(), bytes_sent(request).count);
    if (share.size == 0) {
        SLUICE_LOG_DEBUG(request.log(), "limit_rate timer: ", share.wait.count);
        exchange_->rate_timer.arm(connection_.loop(), share.wait);
        return OutputState::pending;
    }
    event::Chain part = exchange_->held.split(exchange_->cut, share.size);
    const OutputState state = send_now(request, part);
    return state != OutputState::sent || exchange_->held.empty() ? state : transmit_limited(request);
}

void Session::go_on_limited() {
    if (transmit_limited(exchange_->request) == OutputState::sent) exchange_->request.on_output_gone();
}

void Session::on_rate_timer() {
    ++depth_;
    if (exchange_ != nullptr && !is_over_ && !connection_.transport().is_sending()) go_on_limited();
    leave();
}

void Session::begin_send_timer(Msec longest) {
    event::Loop& loop = connection_.loop();
    exchange_->send_timer.arm(loop,
                              exchange_->sending.begin(connection_.transport().bytes_sent(), loop.now(), longest));
}

// send_timeout counts from one success to the next, not for the whole response.
void Session::on_send_timer() {
    ++depth_;
    event::Loop& loop = connection_.loop();
    const auto& core = exchange_->request.conf<LocationConf>();
    const Msec next = exchange_->sending.look(connection_.transport().bytes_sent(), loop.now(), *core.send_timeout);
    if (next.count > 0) {
        exchange_->send_timer.arm(loop, next);
    } else {
        exchange_->request.set_action("sending response to client");
        exchange_->request.log().write(LogLevel::info, ETIMEDOUT, "client timed out");
        is_broken_ = true;
        resets_ = *core.reset_timedout_connection;
        if (state_ == State::tunnel) {
            exchange_->tunnel->on_client_failed();
        } else {
            exchange_->request.on_client_gone();
        }
        exchange_->request.finish(kStatusClientClosed);
    }
    leave();
}

void Session::send_interim(Request& request, uint16_t status, const Headers& fields) {
    if (request.version < kHttp11 || connection_.transport().is_sending()) return;
    event::Chain chain;
    chain.add(arena_, write_interim_head(arena_, status, fields));
    // If it does not leave at once it is still before the response: the connection sends in order.
    if (connection_.transport().send(chain) == event::SendState::failed) is_broken_ = true;
}

void Session::start_body(Request& request) {
    exchange_->wants_body = true;
    if (exchange_->body.is_complete()) {
        request.body.feed(request, {}, true);
        return;
    }
    ++depth_;
    if (has_ahead()) take(*take_ahead());
    if (!exchange_->body.is_complete() && !is_over_) await_body(request);
    // leave() would settle; the caller is a handler of the request, whose frames are still below.
    --depth_;
    if (is_over_ && depth_ == 0) connection_.loop().defer(settle_task_);
}

void Session::await_body(Request& request) {
    // Its end, or its failure, came when nobody wanted the body yet, and is not told again.
    if ((peer_closed_ || is_broken_) && !has_ahead()) return lose_body();
    if (exchange_->expects_continue && request.body.received == 0) send_interim(request, 100, {});
    exchange_->expects_continue = false;
    // What was kept may have filled the consumer: then nothing is waited for, and an end would pass what follows.
    if (exchange_->is_body_paused) return;
    connection_.start_timer(*request.conf<LocationConf>().client_body_timeout);
    if (connection_.transport().is_paused() && !has_ahead()) connection_.transport().resume();
}

void Session::pause_body(Request&) {
    exchange_->is_body_paused = true;
    connection_.transport().pause();
    connection_.stop_timer();
}

void Session::resume_body(Request& request) {
    if (!exchange_->is_body_paused) return;
    exchange_->is_body_paused = false;
    connection_.transport().resume();
    start_body(request);
}

void Session::upgrade(Request&, Tunnel& tunnel) {
    state_ = State::tunnel;
    exchange_->tunnel = &tunnel;
    exchange_->keeps_alive = false;
    connection_.stop_timer();
    if (has_ahead()) tunnel.on_client_ahead(*take_ahead());
}

void Session::pause_tunnel(Request&, bool paused) {
    if (paused) {
        connection_.transport().pause();
    } else {
        connection_.transport().resume();
    }
}

Bytes Session::bytes_sent(const Request&) const {
    return {connection_.transport().user_bytes_sent() - exchange_->sent_before};
}

bool Session::has_pending_output(const Request&) const {
    return connection_.transport().is_sending() || !exchange_->held.empty();
}

}  // namespace sluice::http::h1
