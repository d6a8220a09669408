// Exchange: one request's dialogue with upstream servers: the choice of a server, the connection, the request, the
// answer and its way to the client, another try after a failure. It lives in the request's arena.
//
//   start ─► body collected ─► connecting ─► [handshaking] ─► [greeting] ─► sending ─► reading_head ─┬─► relaying
//                 ▲                │               │              │            │            │       └─► tunnel
//                 └── next try ◄───┴─── failure ───┴──────────────┴────────────┴────────────┘
// Relaying and tunnel end it, and so does a failure that allows no other try.
#pragma once

#include <cstdint>
#include <span>

#include "core/balance/balancer.h"
#include "core/log/log.h"
#include "event/loop.h"
#include "event/timer.h"
#include "http/request.h"
#include "http/tunnel.h"
#include "http/upstream/answer.h"
#include "http/upstream/channel.h"
#include "http/upstream/conf.h"
#include "http/upstream/destination.h"
#include "http/upstream/group.h"
#include "http/upstream/opening.h"
#include "http/upstream/peer_connection.h"
#include "http/upstream/protocol.h"
#include "http/upstream/relay.h"
#include "http/upstream/send_watch.h"
#include "http/upstream/try.h"

namespace sluice::http::upstream {

class Exchange final : public event::ConnectionHandler,
                       public Guest,
                       public BodySource,
                       public Waiter,
                       public RequestBody::Consumer,
                       public Tunnel,
                       public LogContext {
 public:
    static StateSlot state_slot;

    /// `conf`, `protocol` and `group` outlive the request or live in its arena.
    Exchange(Request& request, const Conf& conf, Protocol& protocol, const Group& group);
    ~Exchange();

    /// A content handler's whole work: makes the exchange and begins. Answers with Verdict::taken().
    static Verdict run(Request& request, const Conf& conf, Protocol& protocol, const Group& group,
                       const Destination& destination);

    Request& request() const { return request_; }
    const Conf& conf() const { return conf_; }
    const Group& group() const { return group_; }
    Arena& arena() const { return request_.arena(); }
    Protocol& protocol() const { return protocol_; }

    /// The answer's head, filled in by the protocol.
    Answer answer;
    /// The body goes through memory or a file first, as `buffering` and X-Accel-Buffering say.
    bool is_buffered = true;
    bool is_upgrade = false;  ///< the answer switches protocols: bytes go both ways from now on

    /// Bytes of the answer came that are delivered in another form: heads.
    void count_received(size_t size) { try_->bytes_received += static_cast<int64_t>(size); }
    bool streams_body() const { return streams_body_; }  ///< the request's, to the upstream as it comes
    /// The tries so far, those of earlier exchanges of the request included.
    const Try* tries() const { return first_try_; }
    const Headers& headers() const { return answer.headers; }  ///< of the last answer
    /// One that stands behind the body: it goes on unless it is hidden. Its texts live as long as the request.
    void add_trailer(const Field& field);

    // event::ConnectionHandler: the upstream's side.
    void on_received(event::Received& received) override;
    void on_sent() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    // Guest
    Result<std::unique_ptr<event::SecureTransport>> make_transport(event::Connection& connection,
                                                                   event::HandshakeHandler& handler) override;
    void on_stage(Stage stage) override;
    void on_open(PeerConnection& connection) override;
    void on_full() override;
    void on_not_open(const Error& error, Blame blame) override;
    // The client's side.
    void pull(Request& request) override;
    void on_client_gone(Request& request) override;
    void on_body(Request& request, Text piece, bool is_last) override;
    void on_body_failed(Request& request, uint16_t status) override;
    void on_client_ahead(Text bytes) override;
    void on_client_received(event::Received& received) override;
    void on_client_sent() override;
    void on_client_closed(bool still_listens) override;
    void on_client_failed() override;
    void describe(TextBuilder& line) const override;  // LogContext

 private:
    enum class State : uint8_t {
        waiting,
        connecting,
        handshaking,
        greeting,
        sending,
        reading_head,
        relaying,
        tunnel,
        ended,
    };
    /// One row per state: log action, how long it may take, what then runs.
    struct Step;
    static const Step kSteps[];
    const Step& step() const;

    void begin();
    void on_body_collected(uint16_t status);
    void enter(State state);
    void name_action();
    void arm_timer();
    void watch_sending();
    void on_send_stalled();
    void on_timer();
    bool has_ended();

    // Trying (exchange_try.cpp)
    /// Connections in a try that others' requests may have broken. One that breaks them itself must come to an end.
    static constexpr uint8_t kMostReconnects = 3;
    void next_try();
    void begin_try(Text address);
    void send_request();
    void on_request_sent();
    Text keep_piece(Text piece);
    void remember(Text piece);
    void send_remembered(event::Chain& chain);
    void hold_body();
    static Failure failure_behind(const Error& error);
    void fail(Failure failure);
    void fail(Failure failure, balance::Outcome outcome);
    void reconnect();
    bool may_try_again(Failure failure, uint32_t tries_left) const;
    bool is_repeatable() const;
    bool may_repeat() const;
    void end_try(balance::Outcome outcome, bool keeps);
    void end_with(uint16_t status);
    void abandon();
    Seconds seconds() const;
    bool is_stale() const;

    // Reaching the server (exchange_connect.cpp)
    void settle_local();
    event::SocketAddress peer_address() const;
    Route route_to(const event::SocketAddress& peer) const { return {peer, local_, security_, group_.pool, &conf_}; }
    bool join();
    void open_stream(PeerConnection& connection);
    void reach();
    void connect();
    void wait_for(Opening& opening);
    static State state_of(Stage stage);
    event::ConnectOptions connect_options() const;
    void log_not_open(const Error& error, Blame blame) const;
    static balance::Outcome outcome_of(Blame blame);

    // TLS (exchange_tls.cpp)
    void settle_security();
    bool is_truncated() const;

    // Reading the answer (exchange_answer.cpp)
    void take_head(event::Received& received);
    void take_body(event::Received& received);
    void close_in_head();
    void close_in_body();
    void on_head(event::Received& received, Text rest);
    bool is_answered_otherwise();
    bool intercepts() const;
    bool follows_redirect();
    void begin_relay(event::Received& received, Text rest);
    void relay(event::Received& received, Text bytes);
    void warn_of_more() const;
    void on_answer_complete(bool keeps);
    void break_answer();
    void flush();
    void flush_gathered();
    void output_waiting();
    bool gathers() const;
    void limit_memory();
    bool may_spill() const;
    void spill();
    void on_spilled();
    void fail_spill(const Error& error);
    void stop_receiving();
    void receive_more();
    void limit_reading();
    void limit_rate();

    // After 101 (exchange_tunnel.cpp)
    void begin_tunnel(event::Received& received, Text rest);
    void take_tunnel(event::Received& received);
    void close_tunnel();
    void push_to_client();
    void push_to_upstream();
    void end_tunnel_if_done();
    void end_tunnel();
    void break_tunnel();

    Request& request_;
    const Conf& conf_;
    Protocol& protocol_;
    const Group& group_;
    Destination destination_;
    const event::SocketAddress* local_ = nullptr;  ///< see Route
    PeerSecurity security_;
    Text tls_name_, certificate_, certificate_key_;  ///< who the upstream should be, and what it is shown
    balance::Selection* selection_ = nullptr;
    const balance::Peer* peer_ = nullptr;
    Opening* opening_ = nullptr;            ///< in whose line it stands
    PeerConnection* connection_ = nullptr;  ///< its own: with HTTP/1
    Channel* channel_ = nullptr;            ///< once requests may be sent
    event::Timer timer_;
    SendWatch sends_;
    event::Task flush_task_;  ///< at the end of the turn
    Relay to_client_;
    Relay to_upstream_;
    event::Chain remembered_;    ///< see remember()
    std::span<char> body_room_;  ///< of the streamed piece that is on its way
    Try* first_try_ = nullptr;
    Try* try_ = nullptr;
    Msec started_{};
    int64_t sent_before_ = 0;  ///< user_bytes_sent() of the connection when the try began
    int64_t rate_limit_ = 0;   ///< proxy_limit_rate for this request; 0: none
    uint32_t tried_ = 0;
    State state_ = State::waiting;
    uint8_t reconnects_ = 0;  ///< in this try, see reconnect()
    bool streams_body_ : 1 = false;
    bool is_reused_ : 1 = false;          ///< the connection has carried others' requests
    bool was_sent_ : 1 = false;           ///< bytes of the request may have reached this server
    bool is_request_sent_ : 1 = false;    ///< all of them have left
    bool was_body_streamed_ : 1 = false;  ///< body bytes were passed on
    bool remembers_body_ : 1 = false;     ///< all of them so far are in `remembered_`; else there is no other try
    bool is_body_held_ : 1 = false;       ///< the client's body waits for the upstream
    bool is_body_last_ : 1 = false;
    bool is_output_pending_ : 1 = false;
    bool is_head_unsent_ : 1 = false;       ///< nothing of the answer was given out yet
    bool is_complete_ : 1 = false;          ///< the answer's body has come to its end
    bool is_broken_ : 1 = false;            ///< it never will: the client's connection ends without its end
    bool client_closed_ : 1 = false;        ///< tunnel
    bool client_listens_ : 1 = false;       ///< tunnel: it says no more
    bool upstream_closed_ : 1 = false;      ///< tunnel
    bool is_upstream_pending_ : 1 = false;  ///< tunnel: a send to the upstream is on its way
    bool is_rate_limited_ : 1 = false;
};

}  // namespace sluice::http::upstream
