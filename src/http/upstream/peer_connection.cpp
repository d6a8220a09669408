// PeerConnection, and the pools that it waits in.
#include "http/upstream/peer_connection.h"

#include <algorithm>
#include <cstdint>

#include "http/upstream/group.h"
#include "http/worker.h"

namespace sluice::http::upstream {

namespace {

/// All idle connections of this process.
List<PeerConnection, IdleTag>& all_idle() {
    static List<PeerConnection, IdleTag> list;
    return list;
}

/// All connections of this process that many use.
List<PeerConnection, SharedTag>& all_shared() {
    static List<PeerConnection, SharedTag> list;
    return list;
}

}  // namespace

PeerConnection* PeerConnection::make(Worker& worker, const Route& route) {
    return worker.add_upstream() ? new PeerConnection(worker, route) : nullptr;
}

PeerConnection::PeerConnection(Worker& worker, const Route& route)
    : worker_(worker),
      home_(route.pool),
      client_(route.security.client),
      identity_(route.security.identity),
      connection_(worker.loop(), *this),
      opening_(*this),
      peer_(route.peer),
      owner_(route.owner),
      timer_(event::Timer::call<&PeerConnection::on_timer>, this),
      made_at_(worker.loop().now()) {
    if (route.local != nullptr) local_.emplace(*route.local);
}

void PeerConnection::secure(std::unique_ptr<event::SecureTransport> transport) {
    transport_ = std::move(transport);
    connection_.set_transport(transport_.get());
}

event::SendState PeerConnection::send(event::Chain& chain, bool) {
    if (!chain.empty()) return connection_.send(chain);
    return connection_.is_sending() ? event::SendState::pending : event::SendState::done;
}

void PeerConnection::finish(Pool* pool) {
    if (pool == nullptr) return close();
    connection_.limit_receiving(0);
    pool->put(*this);
}

SharedSession& PeerConnection::share(std::unique_ptr<SharedSession> session, User& user) {
    session_ = std::move(session);
    session_user_ = user_ = &user;
    all_shared().push_back(*this);
    return *session_;
}

bool PeerConnection::leads_to(const Route& route) const {
    return home_ == route.pool && peer_ == route.peer && security() == route.security;
}

/// The upstream may take the address for the client's (`proxy_bind $remote_addr transparent`).
bool PeerConnection::comes_from(const event::SocketAddress* local) const {
    if (local == nullptr || !local_) return local == nullptr && !local_;
    return local_->socket_address() == *local;
}

bool PeerConnection::is_for(const Route& route) const {
    return leads_to(route) && comes_from(route.local) &&
           (owner_ == route.owner || (home_ != nullptr && home_->is_for_all()));
}

uint32_t PeerConnection::requests_left() const {
    return home_ != nullptr ? home_->requests_left(*this) : UINT32_MAX;
}

bool PeerConnection::has_room() const {
    return requests_left() != 0 && session_->has_room();
}

PeerConnection* PeerConnection::find_shared(const Route& route) {
    for (PeerConnection& connection : all_shared()) {
        if (!connection.is_for(route) || !connection.has_room()) continue;
        connection.leave_pool();
        return &connection;
    }
    return nullptr;
}

uint32_t PeerConnection::expected_room(const Route& route) {
    // RFC 9113 §6.5.2: no less than that, unless somebody has reasons.
    constexpr uint32_t kAssumed = 100;
    for (const PeerConnection& connection : all_shared())
        if (connection.leads_to(route) && connection.session_->is_greeted())
            return std::max(connection.session_->limit(), uint32_t{1});
    return kAssumed;
}

void PeerConnection::rest() {
    if (is_closed_ || pool_ != nullptr) return;
    if (home_ == nullptr) return close();
    home_->put(*this);
}

void PeerConnection::close() {
    if (is_closed_) return;
    is_closed_ = true;
    static_cast<ListNode<SharedTag>&>(*this).unlink();
    opening_.retire();
    leave_pool();
    user_ = nullptr;
    connection_.close();
    worker_.remove_upstream();
    worker_.loop().bury(this);
}

void PeerConnection::wait_in(Pool& pool, Msec longest) {
    user_ = session_user_;
    pool_ = &pool;
    all_idle().push_back(*this);
    connection_.expect_bulk(false);
    if (connection_.is_paused()) connection_.resume();
    timer_.arm(worker_.loop(), longest);
    worker_.on_idle();
}

void PeerConnection::leave_pool() {
    timer_.disarm();
    if (pool_ == nullptr) return;
    pool_->remove(*this);
    pool_ = nullptr;
    static_cast<ListNode<IdleTag>&>(*this).unlink();
    if (!is_closed_) worker_.on_busy();
}

void PeerConnection::on_received(event::Received& received) {
    if (user_ != nullptr) return user_->on_received(received);
    close();
}

void PeerConnection::on_sent() {
    if (user_ != nullptr) user_->on_sent();
}

void PeerConnection::on_connected() {
    if (user_ != nullptr) user_->on_connected();
}

void PeerConnection::on_peer_closed() {
    if (user_ != nullptr) return user_->on_peer_closed();
    close();
}

void PeerConnection::on_failed(const Error& error) {
    if (user_ != nullptr) return user_->on_failed(error);
    close();
}

PeerConnection* Pool::take(const Route& route) {
    for (PeerConnection& connection : idle_) {
        if (connection.session() != nullptr || !connection.is_for(route)) continue;
        connection.leave_pool();
        return &connection;
    }
    return nullptr;
}

uint32_t Pool::requests_left(const PeerConnection& connection) const {
    if (conf_.keepalive->connections == 0) return UINT32_MAX;
    const Msec age = connection.socket().loop().now() - connection.made_at();
    if (age >= *conf_.keepalive_time) return 0;
    return *conf_.keepalive_requests - std::min(connection.requests, *conf_.keepalive_requests);
}

bool Pool::is_for_all() const {
    return conf_.keepalive->connections != 0 && !conf_.keepalive->is_local;
}

void Pool::put(PeerConnection& connection) {
    const uint32_t most = conf_.keepalive->connections;
    if (most == 0 || requests_left(connection) == 0) {
        connection.close();
        return;
    }
    if (count_ >= most) idle_.back().close();
    ++count_;
    idle_.push_front(connection);
    connection.wait_in(*this, *conf_.keepalive_timeout);
}

void Pool::remove(PeerConnection& connection) {
    --count_;
    static_cast<ListNode<PoolTag>&>(connection).unlink();
}

void close_idle_connections() {
    while (has_idle_connections()) close_oldest_idle_connection();
}

bool has_idle_connections() {
    return !all_idle().empty();
}

void close_oldest_idle_connection() {
    all_idle().front().close();
}

}  // namespace sluice::http::upstream
