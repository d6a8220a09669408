// Session: its states, and how it ends.
#include "session.h"

#include <algorithm>

#include <sluice/http/worker.h>
#include <sluice/sdk.h>

#include "conf.h"

namespace sluice::http2 {

namespace {

/// How long the client may take to answer the PING that tells that it has heard of the end.
constexpr Msec kRoundTrip{1000};
/// A connection that is idle for so long gives back what memory it can; sooner would cost those that are only slow.
constexpr Msec kFoldAfter{500};
constexpr std::array<uint8_t, 8> kDrainPing{'s', 'l', 'u', 'i', 'c', 'e', 0, 1};

const http::LocationConf& core_of(const http::ServerConnection& connection) {
    return *connection.server().root.core;
}

}  // namespace

Session::Session(http::ServerConnection& connection)
    : connection_(connection),
      head_limits_(*connection.server().core),
      library_(make_library(*this, memory_)),
      turn_task_(event::Task::call<&Session::turn>, this),
      send_timer_(event::Timer::call<&Session::on_send_timer>, this),
      drain_timer_(event::Timer::call<&Session::finish_drain>, this),
      most_streams_(*conf_of(connection.server()).max_concurrent_streams) {
    flood_.begin(loop().now());
    submit_settings();
    wake();
}

Session::~Session() {
    while (!streams_.empty()) delete &streams_.front();
    memory_.unfold();
}

void Session::on_received(event::Received& received) {
    if (is_lingering_ && !is_closed_) go_on_lingering();
    if (is_lingering_ || is_closed_ || is_refused_) return;
    connection_.become_busy();
    const event::BufferHold hold = received.take();
    current_ = &hold.buffer();
    const Text bytes = received.bytes();
    const ssize_t used = read(bytes);
    current_ = nullptr;
    if (used >= 0) {
        count_unknown();
    } else {
        // RFC 9113 §3.4: what does not begin with the preface; or a flood that the library notices by itself.
        const bool is_flood = used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
        connection_.log().info(is_flood ? Text("http2 flood detected")
                                        : Text(nghttp2_strerror(static_cast<int>(used))));
        refuse_connection(is_flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    }
    settle_head_timer();
    wake();
}

void Session::on_sent() {
    is_sending_ = false;
    send_timer_.disarm();
    output_.release();
    tell_gone();
    turn();
}

void Session::end_all(void (Stream::*tell)()) {
    for (auto each = streams_.begin(); each != streams_.end();) {
        Stream& stream = *each;
        ++each;
        (stream.*tell)();
    }
}

// What was asked for in front of the end may be answered already, though not sent: both can come at once.
void Session::on_peer_closed() {
    if (!is_lingering_) turn();
    if (is_closed_) return;
    peer_closed_ = true;
    if (is_lingering_) return close(false);
    end_all(&Stream::on_peer_closed);
    wake();
}

void Session::on_failed(const Error& error) {
    fail(error);
}

void Session::fail(const Error& error) {
    if (is_broken_) return;
    is_broken_ = true;
    if (!streams_.empty()) connection_.log().write(http::level_of(error), error.number, error.text);
    end_all(&Stream::on_client_lost);
    wake();
}

void Session::on_timer() {
    if (is_lingering_) return close(false);
    if (is_head_timed_) {
        connection_.log().write(LogLevel::info, ETIMEDOUT, "client timed out");
        is_head_timed_ = false;
        refuse_connection(NGHTTP2_NO_ERROR);
    } else if (drain_ != Drain::told) {
        // It was idle for keepalive_timeout, or for its time of grace.
        finish_drain();
    }
    wake();
}

void Session::drain() {
    if (drain_ != Drain::none || is_lingering_ || is_closed_) return;
    drain_ = Drain::announced;
    nghttp2_submit_shutdown_notice(&library());
    drain_timer_.arm(loop(), kRoundTrip);
    wake();
}

/// What was announced is on its way. The library lets a PING overtake GOAWAY, and its answer would mean nothing then.
void Session::on_goaway_sent() {
    if (drain_ == Drain::announced && !is_refused_)
        nghttp2_submit_ping(&library(), NGHTTP2_FLAG_NONE, kDrainPing.data());
}

void Session::finish_drain() {
    if (drain_ == Drain::told) return;
    drain_ = Drain::told;
    drain_timer_.disarm();
    const int32_t last = nghttp2_session_get_last_proc_stream_id(&library());
    nghttp2_submit_goaway(&library(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
    wake();
}

void Session::take_ping(const nghttp2_ping& ping) {
    const bool is_answer = (ping.hd.flags & NGHTTP2_FLAG_ACK) != 0;
    if (is_answer && drain_ == Drain::announced && std::equal(kDrainPing.begin(), kDrainPing.end(), ping.opaque_data))
        finish_drain();
}

/// Streams whose request has finished; they are destroyed when the library has closed them, too.
void Session::end_streams() {
    for (auto each = streams_.begin(); each != streams_.end();) {
        Stream& stream = *each;
        ++each;
        if (!stream.is_over()) continue;
        if (!stream.has_ended()) stream.end();
        if (!stream.is_closed() && !is_broken_ && !has_ended_) continue;
        nghttp2_session_set_stream_user_data(&library(), stream.id(), nullptr);
        forget(stream);
        --stream_count_;
        delete &stream;
    }
}

/// At the end of a turn: what becomes of the connection.
void Session::settle() {
    if (is_broken_) {
        if (streams_.empty()) close(false);
        return;
    }
    if (is_sending_ || long_section_ != nullptr) return;
    const bool is_ending = is_refused_ || !nghttp2_session_want_read(&library());
    if (is_ending && !nghttp2_session_want_write(&library())) {
        // An error of the connection: its streams have no way on.
        has_ended_ = true;
        end_all(&Stream::on_connection_lost);
        end_streams();
        return linger();
    }
    if (!streams_.empty()) return;
    if (peer_closed_) return close(false);
    if (drain_ == Drain::told) return linger();
    become_idle();
}

void Session::become_idle() {
    if (is_head_timed_ || connection_.is_idle() || is_reading_head_) return;
    if (connection_.requests == 0) return connection_.await_request();  // client_header_timeout still runs
    connection_.become_idle(core_of(connection_).keepalive_timeout->timeout);
    send_timer_.arm(loop(), kFoldAfter);
}

// Closing at once would reset the connection if the client is just sending, and could cost it the last responses.
void Session::linger() {
    if (is_lingering_ || is_closed_) return;
    const auto& core = core_of(connection_);
    if (peer_closed_ || *core.lingering_close == http::LingeringClose::off) return close(false);
    is_lingering_ = true;
    send_timer_.disarm();
    drain_timer_.disarm();
    connection_.transport().shutdown_write();
    if (connection_.transport().is_paused()) connection_.transport().resume();
    lingers_until_ = loop().now() + *core.lingering_time;
    go_on_lingering();
}

void Session::go_on_lingering() {
    const Msec left = std::max(lingers_until_ - loop().now(), Msec{0});
    connection_.start_timer(std::min(*core_of(connection_).lingering_timeout, left));
}

void Session::close(bool resets) {
    if (is_closed_) return;
    is_closed_ = true;
    send_timer_.disarm();
    drain_timer_.disarm();
    static_cast<ListNode<event::Task>&>(turn_task_).unlink();
    connection_.close(resets);
}

void Session::describe(TextBuilder& line) const {
    if (is_lingering_) {
        line.add(" while closing HTTP/2 connection");
    } else {
        line.add(" while processing HTTP/2 connection");
    }
}

}  // namespace sluice::http2
