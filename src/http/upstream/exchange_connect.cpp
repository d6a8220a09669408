// Exchange: how it reaches the server: by a stream of a connection that others use, or by one that is made.
#include <cerrno>

#include "event/loop.h"
#include "event/resolve_config.h"
#include "http/server_connection.h"
#include "http/upstream/exchange.h"
#include "http/upstream/field_protocol.h"
#include "http/upstream/loggable.h"

namespace sluice::http::upstream {

namespace {

constexpr Text kConnectFailed = "connect() failed";

/// nginx names the address where connect() itself refuses, which these errors of the network's don't come from.
bool is_told_at_once(const event::SocketAddress& peer, int number) {
    return peer.is_unix() ||
           (number != ECONNREFUSED && number != ECONNRESET && number != ETIMEDOUT && number != EHOSTUNREACH);
}

/// nginx's levels: what an upstream that is down brings is no surprise.
LogLevel level_of(int number) {
    switch (number) {
        case ECONNREFUSED:
        case ECONNRESET:
        case EAGAIN:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH: return LogLevel::error;
        default: return LogLevel::crit;
    }
}

}  // namespace

event::SocketAddress Exchange::peer_address() const {
    return {reinterpret_cast<const sockaddr*>(&peer_->address.bytes), peer_->address.length};
}

/// `proxy_bind`, whose address may differ from request to request.
void Exchange::settle_local() {
    if (!conf_.bind->is_on) return;
    const Text text = conf_.bind->address.evaluate(request_);
    if (const auto parsed = event::parse_local(text)) {
        local_ = arena().make<event::SocketAddress>(*parsed);
    } else if (!text.empty()) {
        request_.log().error(0, "invalid local address \"", loggable(arena(), text), "\"");
    }
}

/// A stream of a connection that others use, or have used.
bool Exchange::join() {
    const event::SocketAddress address = peer_address();
    PeerConnection* shared = PeerConnection::find_shared(route_to(address));
    if (shared == nullptr) return false;
    SLUICE_LOG_DEBUG(request_.log(), "upstream: shared connection, fd: ", shared->socket().fd(),
                     ", requests: ", shared->requests);
    try_->connect_time = 0;
    open_stream(*shared);
    return true;
}

void Exchange::open_stream(PeerConnection& connection) {
    ++connection.requests;
    channel_ = &connection.session()->open(*this, static_cast<FieldProtocol&>(protocol_));
}

/// Waits for a connection that others wait for, or makes one.
void Exchange::reach() {
    if (destination_.sessions == nullptr) return connect();
    const event::SocketAddress address = peer_address();
    Opening* const opening = Opening::find(route_to(address));
    if (opening == nullptr) return connect();
    SLUICE_LOG_DEBUG(request_.log(), "upstream: waiting for a connection that is being made");
    wait_for(*opening);
}

void Exchange::connect() {
    const event::SocketAddress address = peer_address();
    request_.set_action("connecting to upstream");
    PeerConnection* const made = PeerConnection::make(request_.connection().worker(), route_to(address));
    if (made == nullptr) {
        request_.log().error(0, "worker_connections are not enough");
        end_with(500);
        return;
    }
    const Result<void> begun = made->opening().begin(
        {.sessions = destination_.sessions, .needs_alpn = destination_.needs_alpn, .connect = connect_options()});
    SLUICE_LOG_DEBUG(request_.log(), "upstream: connecting, fd: ", made->socket().fd());
    if (begun) return wait_for(made->opening());
    made->close();
    // Descriptors that have run out, or an address that is not ours: no fault of the upstream's, and the next one
    // would fare no better.
    on_not_open(begun.error(), begun.error().text == kConnectFailed ? Blame::upstream : Blame::ours);
}

event::ConnectOptions Exchange::connect_options() const {
    return {.bind_to = local_,
            .is_transparent = conf_.bind->is_transparent,
            .keepalive = *conf_.socket_keepalive,
            .receive_buffer = static_cast<int>(conf_.socket_rcvbuf->count),
            .send_buffer = static_cast<int>(conf_.socket_sndbuf->count)};
}

void Exchange::wait_for(Opening& opening) {
    opening_ = &opening;
    opening.join(*this);
    enter(state_of(opening.stage()));
}

Exchange::State Exchange::state_of(Stage stage) {
    switch (stage) {
        case Stage::connecting: return State::connecting;
        case Stage::handshaking: return State::handshaking;
        case Stage::greeting: break;
    }
    return State::greeting;
}

void Exchange::on_stage(Stage stage) {
    if (request_.is_finished()) return;
    if (stage != Stage::handshaking) return enter(state_of(stage));
    // As in nginx, the handshake is a part of the time that it may take to connect.
    state_ = State::handshaking;
    name_action();
}

void Exchange::on_open(PeerConnection& connection) {
    opening_ = nullptr;
    const bool is_own = destination_.sessions == nullptr;
    if (is_own) {
        connection_ = &connection;
        connection_->set_user(this);
    }
    if (has_ended()) return;
    try_->connect_time = (request_.connection().loop().now() - try_->started).count;
    if (is_own) {
        ++connection.requests;
        channel_ = connection_;
    } else {
        is_reused_ = connection.requests != 0;
        open_stream(connection);
    }
    send_request();
}

void Exchange::on_full() {
    opening_ = nullptr;
    if (has_ended()) return;
    is_reused_ = join();
    if (is_reused_) return send_request();
    reach();
}

void Exchange::on_not_open(const Error& error, Blame blame) {
    opening_ = nullptr;
    if (has_ended()) return;
    if (blame == Blame::others && reconnects_ < kMostReconnects) return reconnect();
    log_not_open(error, blame);
    if (blame == Blame::ours) return end_with(500);
    fail(failure_behind(error), outcome_of(blame));
}

void Exchange::log_not_open(const Error& error, Blame blame) const {
    if (error.text == kConnectFailed && is_told_at_once(peer_address(), error.number)) {
        request_.log().write(level_of(error.number), error.number, "connect() to ", peer_->address.name, " failed");
        return;
    }
    LogLevel level = LogLevel::error;
    if (blame == Blame::ours && error.number != 0) level = LogLevel::crit;
    if (error.number == EMFILE || error.number == ENFILE) level = LogLevel::alert;
    request_.log().write(level, error.number, error.text);
}

balance::Outcome Exchange::outcome_of(Blame blame) {
    return blame == Blame::upstream ? balance::Outcome::failed : balance::Outcome::unknown;
}

}  // namespace sluice::http::upstream
