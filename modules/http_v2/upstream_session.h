// UpstreamSession: HTTP/2 on a connection to an upstream (RFC 9113), shared by many exchanges. What arrives goes to
// the library at once; what the streams send is gathered, and leaves when everybody had his turn.
//
//   bytes ─► on_received ─► library ─callbacks─► streams ─► exchanges ─► streams ─► wake()
//   loop ─► turn(): library ─frames─► Output ─► connection; streams hear what has gone, and end
//
//   in use ─ no streams: rests in the pool ─ find_shared(): in use
//     └─ GOAWAY, silent, broken: no new streams ─ no streams: closed
#pragma once

#include <cstdint>
#include <string>

#include <sluice/http/upstream/peer_connection.h>

#include "frame_walk.h"
#include "library.h"
#include "library_memory.h"
#include "output.h"
#include "upstream_stream.h"
#include "window_check.h"

namespace sluice::http2 {

class UpstreamSession final : public http::upstream::SharedSession, public event::ConnectionHandler {
 public:
    /// Sends the preface; the connection takes it over by share().
    explicit UpstreamSession(http::upstream::PeerConnection& connection);
    ~UpstreamSession() override;

    // http::upstream::SharedSession
    bool has_room() const override;
    bool holds_place() const override { return stream_count_ != 0 || is_silent_; }
    void on_line_empty() override { wake(); }
    bool is_greeted() const override { return is_greeted_; }
    uint32_t limit() const override;
    http::upstream::Channel& open(http::upstream::Exchange& user, http::upstream::FieldProtocol& protocol) override;
    // event::ConnectionHandler
    void on_received(event::Received& received) override;
    void on_sent() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;

    event::Loop& loop() const { return connection_.socket().loop(); }
    nghttp2_session& library() { return *library_; }
    bool is_broken() const { return is_broken_; }

    // From the streams.
    /// There is something to send, or a stream has ended: turn() runs behind all that is going on now.
    void wake() { loop().defer(turn_task_); }
    void add_gone(UpstreamStream& stream) { gone_.push_back(stream); }
    /// The buffer of the bytes that the library is reading; null outside of its callbacks.
    event::PoolBuffer* current_buffer() const { return current_; }
    /// What was last found wrong with what the upstream sends; "": nothing.
    Text complaint() const { return complaint_; }

    // From the library (upstream_library.cpp).
    void begin_settings() { window_check_.begin(*library_, streams_); }
    void take_settings();
    void take_goaway(uint32_t error) {
        is_leaving_ = true;
        goaway_error_ = error;
    }
    uint32_t goaway_error() const { return goaway_error_; }
    void report_error(Text what);
    /// The library has ended the connection for what the peer has sent, and need not have said what that was.
    void on_goaway_sent(uint32_t error) {
        if (error != NGHTTP2_NO_ERROR && complaint_.empty()) report_error(nghttp2_http2_strerror(error));
    }
    /// A stream has waited for so long in vain. When nobody has heard anything meanwhile, the connection may be dead:
    /// until something comes, there are no new streams.
    void suspect(Msec silence);
    /// The request of this stream never left, and never will.
    void give_up_unsent(int32_t id);

 private:
    ssize_t read(Text bytes);
    void turn();
    bool fill();
    bool send_round();
    void end_streams();
    void settle();
    UpstreamStream* find_unfinished();
    void fail_all(const Error& error);
    Error reason() const;

    http::upstream::PeerConnection& connection_;
    LibraryMemory memory_;
    Library library_;
    Output output_;
    List<UpstreamStream, UpstreamAllTag> streams_;
    List<UpstreamStream, UpstreamGoneTag> gone_;
    event::Task turn_task_;
    event::PoolBuffer* current_ = nullptr;
    std::string complaint_;
    WindowCheck window_check_;
    FrameWalk walk_{0};
    Msec heard_at_;                ///< when bytes came last
    uint32_t stream_count_ = 0;    ///< in `streams_`
    uint32_t goaway_error_ = 0;    ///< of the last GOAWAY that has come
    bool is_greeted_ : 1 = false;  ///< its SETTINGS have come
    bool is_leaving_ : 1 = false;  ///< its GOAWAY has come
    bool is_silent_ : 1 = false;   ///< see suspect()
    bool is_sending_ : 1 = false;  ///< `output_` is on its way
    bool is_broken_ : 1 = false;   ///< nothing can be sent or received any more
};

/// For http::upstream::SharedSessions.
void begin_upstream_session(http::upstream::PeerConnection& connection);

}  // namespace sluice::http2
