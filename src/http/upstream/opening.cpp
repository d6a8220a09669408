// Opening.
#include "http/upstream/opening.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/upstream/peer_connection.h"

namespace sluice::http::upstream {

namespace {

List<Opening, OpeningTag>& all_openings() {
    static List<Opening, OpeningTag> list;
    return list;
}

}  // namespace

Result<void> Opening::begin(const Wish& wish) {
    sessions_ = wish.sessions;
    needs_alpn_ = wish.needs_alpn;
    connection_.set_user(this);
    Result<void> begun = connection_.socket().connect(connection_.peer(), wish.connect);
    if (begun && sessions_ != nullptr) all_openings().push_back(*this);
    return begun;
}

Opening* Opening::find(const Route& route) {
    if (all_openings().empty()) return nullptr;
    const uint32_t expected = PeerConnection::expected_room(route);
    for (Opening& opening : all_openings()) {
        const PeerConnection& connection = opening.connection_;
        if (!connection.is_for(route)) continue;
        const bool has_streams = opening.guest_count_ + connection.requests < expected;
        if (has_streams && opening.guest_count_ < connection.requests_left()) return &opening;
    }
    return nullptr;
}

void Opening::join(Guest& guest) {
    guests_.push_back(guest);
    ++guest_count_;
}

void Opening::leave(Guest& guest) {
    guest.unlink();
    --guest_count_;
    if (guest_count_ != 0) return;
    if (connection_.session() == nullptr) return connection_.close();
    connection_.session()->on_line_empty();
}

Blame Opening::give_up(Guest& guest) {
    retire();
    leave(guest);
    return blame();
}

Guest& Opening::pop_guest() {
    --guest_count_;
    return *guests_.pop_front();
}

Blame Opening::blame() {
    return std::exchange(was_told_, true) ? Blame::told : Blame::upstream;
}

void Opening::end(const Error& error, Blame blame) {
    retire();
    const SharedSession* const session = connection_.session();
    if (blame == Blame::upstream && session != nullptr && session->is_greeted()) blame = Blame::others;
    while (guest_count_ != 0) {
        Guest& guest = pop_guest();
        guest.on_not_open(error, blame == Blame::upstream ? this->blame() : blame);
    }
}

void Opening::fail(const Error& error, bool was_told) {
    was_told_ |= was_told;
    end(error, Blame::upstream);
}

void Opening::on_connected() {
    if (connection_.security().client == nullptr) return open();
    shake_hands();
}

void Opening::enter(Stage stage) {
    stage_ = stage;
    for (Guest& guest : guests_) guest.on_stage(stage);
}

void Opening::shake_hands() {
    event::Connection& socket = connection_.socket();
    Result<std::unique_ptr<event::SecureTransport>> made = guests_.front().make_transport(socket, *this);
    if (!made) {
        end(made.error(), Blame::ours);
        return connection_.close();
    }
    connection_.secure(std::move(*made));
    enter(Stage::handshaking);
    connection_.transport()->start(socket);
}

void Opening::on_secured() {
    open();
}

/// A server that has chosen another protocol by ALPN would not understand this one. One that chooses none may.
bool Opening::speaks_wrong_protocol() const {
    if (sessions_ == nullptr || connection_.transport() == nullptr) return false;
    const Text chosen = connection_.transport()->protocol();
    return chosen.empty() ? needs_alpn_ : chosen != sessions_->alpn.substr(1);
}

void Opening::open() {
    if (speaks_wrong_protocol()) {
        end(Error("upstream has not chosen HTTP/2 by ALPN", 0), Blame::upstream);
        return connection_.close();
    }
    if (sessions_ == nullptr) return pop_guest().on_open(connection_);
    sessions_->begin(connection_);
    serve();
    enter(Stage::greeting);
}

void Opening::serve() {
    // Whoever it was made for has it, whatever limits say.
    while (guest_count_ != 0 && (connection_.requests == 0 || connection_.has_room()))
        pop_guest().on_open(connection_);
    // Its peer has yet to say what it allows. But a place that is free and not for those who wait, since the time of
    // the connection is over (keepalive_time), will never be theirs.
    const SharedSession& session = *connection_.session();
    if (!session.is_greeted() && (session.holds_place() || connection_.has_room())) return;
    retire();
    while (guest_count_ != 0) pop_guest().on_full();
}

void Opening::on_peer_closed() {
    end(Error(stage_ == Stage::handshaking ? "peer closed connection in SSL handshake"
                                           : "upstream prematurely closed connection",
              0),
        Blame::upstream);
    connection_.close();
}

void Opening::on_failed(const Error& error) {
    if (stage_ == Stage::handshaking && error.number == ECONNRESET) {
        end(Error("peer closed connection in SSL handshake", error.number), Blame::upstream);
    } else {
        end(error, Blame::upstream);
    }
    connection_.close();
}

void Opening::on_handshake_failed(const Error& error) {
    end(error, Blame::upstream);
    connection_.close();
}

}  // namespace sluice::http::upstream
