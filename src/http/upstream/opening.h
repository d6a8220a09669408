// Opening: how a connection to an upstream comes about: TCP, TLS and, where many requests share it, the settings of
// its peer. Exchanges wait for it in line; each may leave, by its own time-out for one, and the others wait on.
//
//   connecting ─► [handshaking] ─┬─► open: the one who waits has it for himself
//                                └─► its session begins: the first in line opens a stream
//                                      └─► the peer's settings: so do as many as have room; others hear on_full()
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/list.h"
#include "event/connection.h"
#include "event/secure_transport.h"
#include "http/upstream/shared_session.h"

namespace sluice::http::upstream {

class PeerConnection;
struct Route;

/// How far it has come.
enum class Stage : uint8_t {
    connecting,
    handshaking,  ///< TLS
    greeting,     ///< connected: the settings of its peer have yet to come
};

/// Whose fault it is that there is no connection.
enum class Blame : uint8_t {
    upstream,
    told,    ///< the upstream's, and somebody else who waited has been told: one connection fails once
    others,  ///< it was open, and ended while requests of others were on it
    ours,
};

/// Who waits for a connection. Out of the line before on_open(), on_full() and on_not_open().
class Guest : public ListNode<Guest> {
 public:
    /// The connection is made, and TLS begins; said to the first in line, whose settings are those of all the others
    /// (PeerSecurity). An error is one of this server's.
    virtual Result<std::unique_ptr<event::SecureTransport>> make_transport(event::Connection& connection,
                                                                           event::HandshakeHandler& handler) = 0;
    /// A stage has begun: said to everybody in line.
    virtual void on_stage(Stage stage) = 0;
    /// It belongs to the guest, or its session has room for a stream of his.
    virtual void on_open(PeerConnection& connection) = 0;
    /// It has come about, but others have taken the room that it has.
    virtual void on_full() = 0;
    virtual void on_not_open(const Error& error, Blame blame) = 0;

 protected:
    ~Guest() = default;
};

/// All openings of the worker that others may join.
struct OpeningTag {};

/// Part of its connection, and at first its user.
class Opening final : public event::ConnectionHandler, public event::HandshakeHandler, public ListNode<OpeningTag> {
 public:
    explicit Opening(PeerConnection& connection) : connection_(connection) {}

    struct Wish {
        const SharedSessions* sessions = nullptr;  ///< null: for one who has it for himself, else others may join
        bool needs_alpn = false;                   ///< with TLS, no session unless its peer has chosen it
        event::ConnectOptions connect;
    };
    /// Begins to connect. An error: nothing has begun.
    Result<void> begin(const Wish& wish);
    /// One that leads where `route` does, and will have room as far as is known. Null: there is none.
    static Opening* find(const Route& route);

    /// Stands in line from now on.
    void join(Guest& guest);
    /// The connection closes when nobody else waits, or its session decides.
    void leave(Guest& guest);
    /// Leaves because its time is over: nobody joins the line any more. Answers whose fault that is.
    Blame give_up(Guest& guest);
    bool is_awaited() const { return guest_count_ != 0; }
    Stage stage() const { return stage_; }

    // From the session.
    /// There may be room, or its peer's settings have come. Not from within a call of the guests.
    void serve();
    /// Nobody joins the line any more.
    void retire() { ListNode<OpeningTag>::unlink(); }
    /// All who wait hear that nothing comes of it. `was_told`: somebody who did not wait has heard of it.
    void fail(const Error& error, bool was_told);

    // event::ConnectionHandler
    void on_received(event::Received&) override {}
    void on_sent() override {}
    void on_connected() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    // event::HandshakeHandler
    void on_secured() override;
    void on_handshake_failed(const Error& error) override;
    void on_not_secure(event::Received&) override {}

 private:
    bool has_place() const;
    Guest& pop_guest();
    void enter(Stage stage);
    void shake_hands();
    bool speaks_wrong_protocol() const;
    void open();
    void end(const Error& error, Blame blame);
    Blame blame();

    PeerConnection& connection_;
    const SharedSessions* sessions_ = nullptr;
    List<Guest, Guest> guests_;
    uint32_t guest_count_ = 0;
    Stage stage_ = Stage::connecting;
    bool needs_alpn_ = false;
    bool was_told_ = false;  ///< somebody has been told that the upstream is to blame
};

}  // namespace sluice::http::upstream
