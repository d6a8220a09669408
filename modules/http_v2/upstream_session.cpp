// UpstreamSession.
#include "upstream_session.h"

#include <algorithm>

#include <sluice/http/uri/log_escape.h>
#include <sluice/sdk.h>

namespace sluice::http2 {

using http::upstream::PeerConnection;

namespace {

/// Of an answer that is being taken; what a slow client makes wait is no more than that.
constexpr uint32_t kStreamWindow = 256 * 1024;
/// Of all streams together, which is opened as bytes come.
constexpr int32_t kConnectionWindow = 16 * 1024 * 1024;
/// Streams at once, where the upstream allows as many.
constexpr uint32_t kMostStreams = 128;
/// Bytes sent before other connections have their turn.
constexpr size_t kSentAtOnce = 1024 * 1024;

}  // namespace

UpstreamSession::UpstreamSession(PeerConnection& connection)
    : connection_(connection),
      library_(make_upstream_library(*this, memory_)),
      turn_task_(event::Task::call<&UpstreamSession::turn>, this),
      heard_at_(loop().now()) {
    const std::array<nghttp2_settings_entry, 2> entries{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
    }};
    nghttp2_submit_settings(library_.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    nghttp2_session_set_local_window_size(library_.get(), NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
    wake();
}

UpstreamSession::~UpstreamSession() {
    library_.reset();
    while (UpstreamStream* stream = streams_.pop_front()) delete stream;
}

// Before its SETTINGS have come, nobody knows what the upstream allows.
bool UpstreamSession::has_room() const {
    if (is_broken_ || is_leaving_ || is_silent_ || nghttp2_session_check_request_allowed(library_.get()) == 0)
        return false;
    return stream_count_ < (is_greeted_ ? limit() : 1);
}

uint32_t UpstreamSession::limit() const {
    return std::min(kMostStreams,
                    nghttp2_session_get_remote_settings(library_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

http::upstream::Channel& UpstreamSession::open(http::upstream::Exchange& user,
                                               http::upstream::FieldProtocol& protocol) {
    auto* const stream = new UpstreamStream(*this, user, protocol);
    streams_.push_back(*stream);
    ++stream_count_;
    return *stream;
}

/// To the library, but for what FrameWalk finds. Negative: an error of the library's.
ssize_t UpstreamSession::read(Text bytes) {
    while (!bytes.empty()) {
        const FrameWalk::Step step = walk_.next(bytes);
        if (walk_.is_too_large()) {
            report_error("too large frame size");
            return nghttp2_session_terminate_session(library_.get(), NGHTTP2_FRAME_SIZE_ERROR);
        }
        for (const Text piece : {step.passed, step.update}) {
            if (piece.empty()) continue;
            const auto* const data = reinterpret_cast<const uint8_t*>(piece.data());
            const ssize_t taken = nghttp2_session_mem_recv(library_.get(), data, piece.size());
            if (taken < 0) return taken;
        }
    }
    return 0;
}

void UpstreamSession::on_received(event::Received& received) {
    if (is_broken_) return;
    heard_at_ = loop().now();
    is_silent_ = false;
    const Text bytes = received.bytes();
    const event::BufferHold hold = received.take();
    current_ = &hold.buffer();
    const ssize_t taken = read(bytes);
    current_ = nullptr;
    wake();
    if (taken >= 0) return;
    if (complaint_.empty()) report_error(nghttp2_strerror(static_cast<int>(taken)));
    is_broken_ = true;
}

void UpstreamSession::on_sent() {
    is_sending_ = false;
    output_.release();
    while (UpstreamStream* stream = gone_.pop_front()) stream->on_output_gone();
    wake();
}

void UpstreamSession::on_peer_closed() {
    is_broken_ = true;
    fail_all(Error("upstream prematurely closed connection", 0));
    wake();
}

void UpstreamSession::on_failed(const Error& error) {
    is_broken_ = true;
    fail_all(error);
    wake();
}

UpstreamStream* UpstreamSession::find_unfinished() {
    for (UpstreamStream& stream : streams_)
        if (stream.is_unfinished()) return &stream;
    return nullptr;
}

/// Each stream may end others. Those who wait for room have no part in that the streams fail.
void UpstreamSession::fail_all(const Error& error) {
    connection_.opening().retire();
    const bool was_told = find_unfinished() != nullptr;
    while (UpstreamStream* stream = find_unfinished()) stream->fail(error, false);
    connection_.opening().fail(error, was_told);
}

void UpstreamSession::take_settings() {
    is_greeted_ = true;
    if (!window_check_.has_overflown(*library_)) return;
    report_error("SETTINGS_INITIAL_WINDOW_SIZE: a window is too large");
    nghttp2_session_terminate_session(library_.get(), NGHTTP2_FLOW_CONTROL_ERROR);
}

/// Why the connection ends when it is not the peer that closes it.
Error UpstreamSession::reason() const {
    if (complaint_.empty()) return Error("upstream prematurely closed connection", 0);
    Error error(std::string("upstream sent invalid HTTP/2: ").append(complaint_), 0);
    error.source = ErrorSource::upstream;
    return error;
}

/// The library quotes what has come.
void UpstreamSession::report_error(Text what) {
    constexpr size_t kMost = 200;
    const Text shown = what.substr(0, kMost);
    complaint_.resize(http::uri::log_escaped_size(shown));
    complaint_ = std::string(http::uri::log_escape(shown, complaint_));
}

void UpstreamSession::suspect(Msec silence) {
    if (loop().now() - heard_at_ >= silence) is_silent_ = true;
}

void UpstreamSession::give_up_unsent(int32_t id) {
    for (UpstreamStream& stream : streams_) {
        if (stream.id() != id) continue;
        stream.forget_library();
        stream.fail(Error("upstream closed the connection to new requests", 0), true);
        return;
    }
}

void UpstreamSession::turn() {
    if (connection_.is_closed()) return;
    size_t sent = 0;
    while (!is_sending_ && !is_broken_) {
        if (!fill() || output_.is_empty()) break;
        sent += output_.size();
        if (!send_round()) break;
        if (sent >= kSentAtOnce) {
            wake();
            break;
        }
    }
    settle();
}

/// Takes frames from the library until the buffer is full or there are none.
bool UpstreamSession::fill() {
    while (!output_.is_full()) {
        const uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(library_.get(), &bytes);
        if (size < 0) {
            report_error(nghttp2_strerror(static_cast<int>(size)));
            is_broken_ = true;
            return false;
        }
        if (size == 0) break;
        output_.add({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
    }
    return true;
}

bool UpstreamSession::send_round() {
    event::Chain chain = output_.take();
    switch (connection_.socket().send(chain)) {
        case event::SendState::done:
            output_.release();
            while (UpstreamStream* stream = gone_.pop_front()) stream->on_output_gone();
            return true;
        case event::SendState::pending: is_sending_ = true; return false;
        case event::SendState::failed: break;
    }
    is_broken_ = true;
    fail_all(connection_.socket().send_failure());
    return false;
}

void UpstreamSession::end_streams() {
    for (auto at = streams_.begin(); at != streams_.end();) {
        UpstreamStream& stream = *at;
        ++at;
        if (is_broken_) stream.forget_library();
        if (!stream.is_over()) continue;
        --stream_count_;
        delete &stream;
    }
}

void UpstreamSession::settle() {
    const bool is_over =
        nghttp2_session_want_read(library_.get()) == 0 && nghttp2_session_want_write(library_.get()) == 0;
    if (is_over && !is_sending_) is_broken_ = true;
    if (is_broken_) fail_all(reason());
    end_streams();
    if (!is_broken_) connection_.opening().serve();
    if (!streams_.empty() || connection_.opening().is_awaited()) return;
    if (!is_broken_ && !is_leaving_ && !is_silent_) return connection_.rest();
    connection_.close();
}

void begin_upstream_session(PeerConnection& connection) {
    auto made = std::make_unique<UpstreamSession>(connection);
    event::ConnectionHandler& user = *made;
    connection.share(std::move(made), user);
}

}  // namespace sluice::http2
