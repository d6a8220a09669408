// PeerConnection: a connection to an upstream server. It belongs to those who wait for it (Opening), then to one
// exchange or to a session that many share, or waits in its group's pool; it destroys itself when it has closed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "event/connection.h"
#include "event/loop.h"
#include "event/secure_transport.h"
#include "event/timer.h"
#include "http/upstream/channel.h"
#include "http/upstream/keepalive.h"
#include "http/upstream/opening.h"
#include "http/upstream/secure.h"
#include "http/upstream/shared_session.h"

namespace sluice::http {
class Worker;
}

namespace sluice::http::upstream {

/// Where a connection leads, and for whom.
struct Route {
    const event::SocketAddress& peer;
    const event::SocketAddress* local;  ///< where it comes from (`proxy_bind`); null: the kernel chooses
    const PeerSecurity& security;
    Pool* pool;         ///< of the group; null: none
    const void* owner;  ///< the location
};

class PeerConnection final : public event::ConnectionHandler,
                             public event::Mortal,
                             public Channel,
                             public ListNode<PoolTag>,
                             public ListNode<IdleTag>,
                             public ListNode<SharedTag> {
 public:
    /// Who uses it at the moment. The same calls as a connection makes.
    using User = event::ConnectionHandler;

    /// Null when worker_connections are used up.
    static PeerConnection* make(Worker& worker, const Route& route);

    event::Connection& socket() { return connection_; }
    const event::Connection& socket() const { return connection_; }
    const event::SocketAddress& peer() const { return peer_; }
    void set_user(User* user) { user_ = user; }

    /// How it comes about.
    Opening& opening() { return opening_; }
    /// Whether a request for `route` may use it.
    bool is_for(const Route& route) const;

    /// From the first byte on, TLS.
    void secure(std::unique_ptr<event::SecureTransport> transport);
    /// Null: plain.
    event::SecureTransport* transport() const { return transport_.get(); }
    PeerSecurity security() const { return {client_, identity_}; }

    /// Requests sent on it so far.
    uint32_t requests = 0;
    /// How many may follow (`keepalive_requests`).
    uint32_t requests_left() const;
    Msec made_at() const { return made_at_; }

    // Channel, of one exchange at a time.
    event::SendState send(event::Chain& chain, bool is_last) override;
    bool is_sending() const override { return connection_.is_sending(); }
    Error send_error() const override { return connection_.send_failure(); }
    void pause() override { connection_.pause(); }
    void resume() override { connection_.resume(); }
    bool is_paused() const override { return connection_.is_paused(); }
    void expect_bulk() override { connection_.expect_bulk(true); }
    void limit_receiving(uint32_t most) override { connection_.limit_receiving(most); }
    int64_t bytes_sent() const override { return connection_.bytes_sent(); }
    int64_t user_bytes_sent() const override { return connection_.user_bytes_sent(); }
    bool was_refused() const override { return false; }
    void on_timed_out(Msec) override {}
    void finish(Pool* pool) override;
    /// Closes; the object goes when nothing points to it any more.
    void close() override;

    /// From now on it is used through `session`, by many: by all who ask for the same (find_shared()). Between them
    /// it waits in its pool; without one it closes. `user`: the session as user of the connection.
    SharedSession& share(std::unique_ptr<SharedSession> session, User& user);
    /// Null: it is not shared.
    SharedSession* session() const { return session_.get(); }
    /// Of a shared one: whether another request may use it now.
    bool has_room() const;
    /// One that is as good for a request, and has room. Null: there is none.
    static PeerConnection* find_shared(const Route& route);
    /// How many requests one more such connection will carry at once, at least 1: what the peer has said of others.
    static uint32_t expected_room(const Route& route);
    /// close() was called, maybe by the pool.
    bool is_closed() const { return is_closed_; }
    /// From the session: nobody uses it at the moment. It may close in this call.
    void rest();
    /// The pool's part.
    void wait_in(Pool& pool, Msec longest);
    void leave_pool();

    // event::ConnectionHandler. Without a user it is idle: whatever comes ends it.
    void on_received(event::Received& received) override;
    void on_sent() override;
    void on_connected() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    // event::Mortal
    bool can_be_buried() const override { return !connection_.has_operations(); }

 private:
    PeerConnection(Worker& worker, const Route& route);
    bool leads_to(const Route& route) const;
    bool comes_from(const event::SocketAddress* local) const;
    void on_timer() { close(); }

    Worker& worker_;
    std::unique_ptr<event::SecureTransport> transport_;  ///< outlives the connection
    std::unique_ptr<SharedSession> session_;
    User* session_user_ = nullptr;
    Pool* home_;  ///< where a shared one rests
    event::tls::Client* client_;
    std::string identity_;
    event::Connection connection_;
    Opening opening_;
    event::SocketAddress peer_;
    std::optional<event::PeerAddress> local_;
    const void* owner_;
    User* user_ = nullptr;
    Pool* pool_ = nullptr;
    event::Timer timer_;
    Msec made_at_;
    bool is_closed_ = false;
};

}  // namespace sluice::http::upstream
