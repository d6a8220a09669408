// ServerConnection: a client's connection from accept to close: PROXY protocol, choice of the session, idle time,
// numbers for the log. The bytes of requests are the session's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/log/log.h"
#include "event/connection.h"
#include "event/listener.h"
#include "event/loop.h"
#include "event/secure_transport.h"
#include "event/timer.h"
#include "http/conf/endpoint.h"
#include "http/proxy_protocol.h"
#include "http/session.h"
#include "http/session_choice.h"

namespace sluice::http {

class Worker;
class HttpConf;
struct LocationConf;

/// Lists of the worker that a connection stands in: all of them; and the idle, or the silent ones, oldest first.
struct OpenTag {};
struct IdleTag {};

class ServerConnection final : public event::ConnectionHandler,
                               public event::HandshakeHandler,
                               public event::Mortal,
                               public LogContext,
                               public ListNode<OpenTag>,
                               public ListNode<IdleTag> {
 public:
    ServerConnection(Worker& worker, const Endpoint& endpoint, event::Accepted&& accepted);
    ~ServerConnection() override;

    /// Begins to receive; after the constructor, since it may call back.
    void start();

    Worker& worker() const { return worker_; }
    const HttpConf& http() const;
    event::Loop& loop() const { return connection_.loop(); }
    event::Connection& transport() { return connection_; }
    const event::Connection& transport() const { return connection_; }
    const Log& log() const { return log_; }
    const Address& address() const { return *address_; }
    /// Bytes travel encrypted.
    bool is_secure() const { return secure_ != nullptr && !is_plain_; }
    /// A client speaks without TLS where `listen … ssl` asks for it.
    bool lacks_security() const { return is_plain_; }
    /// What encrypts, from the module that `listen … ssl` has loaded; null: nothing.
    event::SecureTransport* security() const { return secure_.get(); }
    /// Of the protocols that a client offers by ALPN (RFC 7301 §3.1: each behind its length), the one to be spoken;
    /// empty: none of them.
    Text choose_protocol(Text offered) const;

    /// The server that answers for the connection as long as no request names another: the address's default one, or
    /// the one that the client named when it began to encrypt (SNI). Lines go to its log.
    const Server& server() const { return *server_; }
    void set_server(const Server& server);
    uint64_t number() const { return log_.connection(); }
    /// Requests begun on it ($connection_requests) and the loop time of its accept ($connection_time).
    uint32_t requests = 0;
    Msec accepted_at() const { return accepted_at_; }

    /// The peer as the socket says, or as PROXY protocol or realip put it.
    const event::PeerAddress& peer() const { return peer_; }
    void set_peer(const event::SocketAddress& peer) { peer_ = event::PeerAddress(peer); }
    /// The address that the client connected to; asked from the kernel once.
    const event::SocketAddress& local();

    /// The PROXY header that came first; null where `listen … proxy_protocol` does not ask for one, or before it
    /// came.
    const ProxyHeader* proxy_header() const {
        return proxy_ != nullptr && proxy_->is_read ? &proxy_->header : nullptr;
    }

    /// tcp_nodelay of the location that answers next.
    void set_no_delay(bool on) {
        if (on != is_no_delay_) change_no_delay(on);
    }

    /// keepalive_requests, keepalive_time and the rest that is not the request's business: whether another request
    /// may come on this connection.
    bool may_persist(const LocationConf& core) const;
    /// While the worker leaves: how long the connection stays although nothing is in progress; 0: not at all.
    Msec grace() const;

    /// From the session: nothing is in progress; the next request must begin within `timeout`.
    void become_idle(Msec timeout);
    /// The first request has not begun; the timer runs on.
    void await_request();
    void become_busy();
    /// The session's own use of the connection's timer: Session::on_timer().
    void start_timer(Msec delay) { timer_.arm(loop(), delay); }
    void stop_timer() { timer_.disarm(); }
    /// Closes now; the object goes after the dispatch round. `resets`: with RST instead of FIN.
    void close(bool resets);
    bool is_idle() const { return ListNode<IdleTag>::is_linked(); }
    /// QUIT: an idle connection closes, a busy one after its request.
    void shut_down();
    /// worker_shutdown_timeout is over: the requests that run end as if the client had gone.
    void give_up();

    // event::ConnectionHandler
    void on_received(event::Received& received) override {
        if (is_in_prelude_) {
            read_prelude(received);
        } else {
            session_->on_received(received);
        }
    }
    void on_sent() override { session_->on_sent(); }
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    // event::HandshakeHandler
    void on_handshake_begun() override { become_busy(); }
    void on_secured() override;
    void on_handshake_failed(const Error& error) override;
    void on_not_secure(event::Received& raw) override;
    // event::Mortal
    bool can_be_buried() const override { return !connection_.has_operations(); }

    /// Lines without a request: what is going on, client and address.
    void describe(TextBuilder& line) const override;
    /// ", client: 127.0.0.1"
    void describe_peer(TextBuilder& line) const;

 private:
    /// What a connection with `listen … proxy_protocol` has beyond others.
    struct ProxyProtocol {
        std::string bytes;  ///< of a header that has not come wholly
        ProxyHeader header;
        size_t size = 0;
        bool is_read = false;
    };

    void change_no_delay(bool on);
    bool is_reading_proxy_header() const { return proxy_ != nullptr && !proxy_->is_read; }
    void on_timer();
    bool is_shaking_hands() const { return secure_ != nullptr && !secure_->is_secured() && !is_plain_; }
    /// Nothing of a handshake has come.
    bool is_silent() const {
        return connection_.bytes_received() == static_cast<int64_t>(proxy_ != nullptr ? proxy_->size : 0);
    }
    void begin();
    void read_prelude(event::Received& received);
    bool chooses_by_preface() const;
    void choose_session(event::Received& received);
    void pass_on(event::Received& received, Text bytes);
    void read_proxy_header(event::Received& received);
    void refuse_proxy_header(Text seen, const ProxyParse& why);

    Worker& worker_;
    event::Connection connection_;
    const Address* address_;
    const Server* server_;
    std::unique_ptr<event::SecureTransport> secure_;
    std::unique_ptr<Session> session_;
    event::Timer timer_;
    Log log_;
    Msec accepted_at_;
    event::PeerAddress peer_;
    // As bits, since there may be many idle connections: one byte more would cost each of them sixteen.
    bool is_no_delay_ : 1 = true;     ///< what the listening socket passes on
    bool is_in_prelude_ : 1 = false;  ///< what comes is not the session's yet: a PROXY header, or it is to be chosen
    bool is_plain_ : 1 = false;       ///< in spite of `secure_`
    PrefaceMatch preface_;
    std::unique_ptr<event::SocketAddress> local_;
    std::unique_ptr<ProxyProtocol> proxy_;
};

}  // namespace sluice::http
