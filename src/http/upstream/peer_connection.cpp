// PeerConnection, and the pools that it waits in.
#include "http/upstream/peer_connection.h"

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

PeerConnection* PeerConnection::make(Worker& worker, const event::SocketAddress& peer, const void* owner) {
    return worker.add_upstream() ? new PeerConnection(worker, peer, owner) : nullptr;
}

PeerConnection::PeerConnection(Worker& worker, const event::SocketAddress& peer, const void* owner)
    : worker_(worker),
      connection_(worker.loop(), *this),
      peer_(peer),
      owner_(owner),
      timer_(event::Timer::call<&PeerConnection::on_timer>, this),
      made_at_(worker.loop().now()) {}

void PeerConnection::secure(std::unique_ptr<event::SecureTransport> transport, const PeerSecurity& security) {
    transport_ = std::move(transport);
    client_ = security.client;
    identity_ = security.identity;
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

SharedSession& PeerConnection::share(std::unique_ptr<SharedSession> session, User& user, Pool* pool) {
    session_ = std::move(session);
    session_user_ = user_ = &user;
    home_ = pool;
    all_shared().push_back(*this);
    return *session_;
}

PeerConnection* PeerConnection::find_shared(const event::SocketAddress& peer, const PeerSecurity& security,
                                            const Pool* pool, const void* owner) {
    for (PeerConnection& connection : all_shared()) {
        if (connection.home_ != pool || !(connection.peer() == peer) || connection.security() != security) continue;
        const bool may_join = pool != nullptr ? pool->may_join(connection, owner) : connection.owner() == owner;
        if (!may_join || !connection.session()->has_room()) continue;
        connection.leave_pool();
        return &connection;
    }
    return nullptr;
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
}

void PeerConnection::leave_pool() {
    timer_.disarm();
    if (pool_ == nullptr) return;
    pool_->remove(*this);
    pool_ = nullptr;
    static_cast<ListNode<IdleTag>&>(*this).unlink();
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

PeerConnection* Pool::take(const event::SocketAddress& peer, const PeerSecurity& security, const void* owner) {
    for (PeerConnection& connection : idle_) {
        if (connection.session() != nullptr) continue;
        if (!(connection.peer() == peer) || connection.security() != security) continue;
        if (conf_.keepalive->is_local && connection.owner() != owner) continue;
        connection.leave_pool();
        return &connection;
    }
    return nullptr;
}

/// It has carried all that it may.
bool Pool::is_worn(const PeerConnection& connection) const {
    if (conf_.keepalive->connections == 0) return false;
    const Msec age = connection.socket().loop().now() - connection.made_at();
    return connection.requests >= *conf_.keepalive_requests || age >= *conf_.keepalive_time;
}

bool Pool::may_join(const PeerConnection& connection, const void* owner) const {
    const bool is_for_all = conf_.keepalive->connections != 0 && !conf_.keepalive->is_local;
    return !is_worn(connection) && (is_for_all || connection.owner() == owner);
}

void Pool::put(PeerConnection& connection) {
    const uint32_t most = conf_.keepalive->connections;
    if (most == 0 || is_worn(connection)) {
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
    while (!all_idle().empty()) all_idle().front().close();
}

}  // namespace sluice::http::upstream
