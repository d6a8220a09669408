// PeerConnection: a connection to an upstream server. It belongs to the exchange that made it, or waits in its
// group's pool between two of them; it destroys itself when it has closed.
#pragma once

#include <memory>
#include <string>

#include "event/connection.h"
#include "event/loop.h"
#include "event/secure_transport.h"
#include "event/timer.h"
#include "http/upstream/keepalive.h"
#include "http/upstream/secure.h"

namespace sluice::http {
class Worker;
}

namespace sluice::http::upstream {

class PeerConnection final : public event::ConnectionHandler,
                             public event::Mortal,
                             public ListNode<PoolTag>,
                             public ListNode<IdleTag> {
 public:
    /// Who uses it at the moment. The same calls as a connection makes.
    using User = event::ConnectionHandler;

    /// Null when worker_connections are used up.
    static PeerConnection* make(Worker& worker, const event::SocketAddress& peer, const void* owner);

    event::Connection& socket() { return connection_; }
    const event::SocketAddress& peer() const { return peer_; }
    const void* owner() const { return owner_; }
    void set_user(User* user) { user_ = user; }

    /// From the first byte on, TLS; `security` is kept, too.
    void secure(std::unique_ptr<event::SecureTransport> transport, const PeerSecurity& security);
    /// Null: plain.
    event::SecureTransport* transport() const { return transport_.get(); }
    PeerSecurity security() const { return {client_, identity_}; }

    /// Requests sent on it so far.
    uint32_t requests = 0;
    Msec made_at() const { return made_at_; }

    /// Closes; the object goes when nothing points to it any more. `resets`: with RST.
    void close();
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
    PeerConnection(Worker& worker, const event::SocketAddress& peer, const void* owner);
    void on_timer() { close(); }

    Worker& worker_;
    std::unique_ptr<event::SecureTransport> transport_;  ///< outlives the connection
    event::tls::Client* client_ = nullptr;
    std::string identity_;
    event::Connection connection_;
    event::SocketAddress peer_;
    const void* owner_;
    User* user_ = nullptr;
    Pool* pool_ = nullptr;
    event::Timer timer_;
    Msec made_at_;
    bool is_closed_ = false;
};

}  // namespace sluice::http::upstream
