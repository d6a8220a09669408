// Stream: one request and its answer on an HTTP/2 connection (RFC 9113 §5). It ends when the request has finished and
// the library, which holds pointers into its memory, has closed its side.
//
//   head ─complete─► request ─finished─► over ─┬─ closed on the wire ─► gone
//     └─ malformed, reset ─────────────────────┘
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <nghttp2/nghttp2.h>
#include <sluice/core/base/arena.h>
#include <sluice/core/base/list.h>
#include <sluice/core/base/recycled.h>
#include <sluice/event/loop.h>
#include <sluice/event/progress.h>
#include <sluice/event/timer.h>
#include <sluice/http/rate_limit.h>
#include <sluice/http/request.h>
#include <sluice/http/stream.h>
#include <sluice/http/tunnel.h>

#include "field_encoder.h"
#include "request_head.h"

namespace sluice::http2 {

class Output;
class Session;

/// Lists of the session: all of its streams; those with output that has not been taken; those whose output has gone,
/// and who have not heard it.
struct AllTag {};
struct WaitingTag {};
struct GoneTag {};

class Stream final : public Recycled<Stream, 128>,
                     public http::Stream,
                     public ListNode<AllTag>,
                     public ListNode<WaitingTag>,
                     public ListNode<GoneTag> {
 public:
    Stream(Session& session, int32_t id);
    Stream(const Stream&) = delete;
    ~Stream();

    int32_t id() const { return id_; }
    http::Request& request() { return *request_; }

    // http::Stream
    http::OutputState send_head(http::Request& request, event::Chain& body, bool is_last) override;
    http::OutputState send_body(http::Request& request, event::Chain& body, bool is_last) override;
    void send_interim(http::Request& request, uint16_t status, const http::Headers& fields) override;
    void start_body(http::Request& request) override;
    void pause_body(http::Request& request) override;
    void resume_body(http::Request& request) override;
    void upgrade(http::Request& request, http::Tunnel& tunnel) override;
    void pause_tunnel(http::Request& request, bool paused) override;
    void on_finished(http::Request& request) override;
    void abort(http::Request& request) override;
    Bytes bytes_sent(const http::Request&) const override { return {bytes_sent_}; }
    bool has_pending_output(const http::Request&) const override { return is_pending_; }

    // What the client sends (stream_input.cpp).
    RequestHead::Outcome add_field(const Decoded& field, bool is_trailer);
    void count_head(size_t size);
    /// The head is complete; `is_ended`: no body follows. False: it is malformed.
    [[nodiscard]] bool begin(bool is_ended);
    bool has_begun() const { return has_begun_; }
    void take_body(Text piece);
    /// END_STREAM behind a body.
    void end_input();
    /// As the library knows it, which does not tell (RFC 9218 §4.1).
    uint8_t urgency() const { return urgency_; }
    void set_urgency(uint8_t urgency) { urgency_ = urgency; }

    // What the client gets (stream_output.cpp).
    /// The library asks how much of the body may leave now: up to `most` bytes, or NGHTTP2_ERR_DEFERRED.
    ssize_t offer(size_t most, uint32_t& flags);
    bool has_output(size_t size) const { return std::cmp_less_equal(size, out_.size()); }
    /// All that the request has given is on its way, and more will follow.
    bool is_dry() const { return is_pending_ && out_.empty() && !is_output_ended_; }
    /// offer() was asked while more urgent ones were dry.
    void go_on_postponed();
    /// Moves so many bytes of the body into `output`.
    void write(Output& output, size_t size);
    /// The library has framed the head, or the trailers, that are due now.
    FieldLines take_section();
    /// HEADERS or DATA with a payload of so many bytes.
    void on_frame_sent(const nghttp2_frame_hd& head, size_t size);
    /// What was pending lies in the kernel.
    void on_output_gone();
    /// The session sends all it can, and this stream still waits: send_timeout counts.
    void watch_waiting();

    // Its end (stream.cpp).
    /// It was not the client who has reset it.
    void on_reset_sent(uint32_t error);
    /// The library has closed it, by RST_STREAM or because both sides have ended.
    void on_closed(uint32_t error);
    bool is_closed() const { return is_closed_; }
    /// The connection is gone, or has no time left: the request ends.
    void on_connection_lost();
    /// Nothing can be answered any more. A request that outlives its client (`proxy_ignore_client_abort`,
    /// `post_action`) goes on until it tries.
    void on_client_lost();
    /// The client will send nothing more on the connection.
    void on_peer_closed();
    bool is_over() const { return is_over_; }
    /// After is_over(): logs, and tells the library to end what has not ended.
    void end();
    bool has_ended() const { return has_ended_; }

 private:
    /// What to do with a body that is not for the request's handler any more.
    enum class Body : uint8_t { waiting, wanted, paused, dropped };
    /// A head or trailers, in `arena_`.
    struct Section {
        FieldLines lines;
        bool is_head;  ///< of the answer, none of an interim one
        Section* next;
    };

    // stream_input.cpp
    bool settle_head();
    bool settle_body(bool is_ended);
    void refuse(uint16_t status);
    void refuse_length();
    /// By the Priority field (RFC 9218 §5).
    void prioritize();
    void begin_websocket();
    void feed_held();
    void feed(Text piece);
    void hold(Text piece);
    void consume(size_t size);
    void drop_input();
    void on_body_timer();
    // stream_tunnel.cpp
    void tunnel_take(Text piece);
    void tunnel_held();
    // stream.cpp
    bool waits_for_client() const;
    bool is_answer_leaving() const;
    void lose_body();
    // stream_output.cpp
    bool can_answer();
    void add_section(FieldLines lines, bool is_head);
    http::OutputState queue(event::Chain& chain, bool is_last);
    void settle_tunnel_answer();
    void note_gone();
    void resume_output();
    void on_rate_timer();
    void on_send_timer();

    Session& session_;
    Arena arena_;
    http::Request* request_;  ///< in `arena_`
    RequestHead head_;
    const int32_t id_;

    // Input
    std::string held_;       ///< what came before the handler wanted it; bounded by the stream's window
    int64_t body_size_ = 0;  ///< bytes that have come
    http::Tunnel* tunnel_ = nullptr;
    event::Task held_task_;
    event::Timer body_timer_;

    // Output
    Section* sections_ = nullptr;  ///< that the library has still to frame, the first first
    event::Chain out_;
    http::RateLimit rate_limit_;
    event::Timer send_timer_;
    event::Timer rate_timer_;
    int64_t bytes_sent_ = 0;
    event::Progress sending_;  ///< bytes_sent_, while the send timer is armed

    Body body_ = Body::waiting;
    uint8_t urgency_ = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
    bool has_begun_ : 1 = false;
    bool is_input_ended_ : 1 = false;
    bool is_extended_connect_ : 1 = false;
    bool expects_continue_ : 1 = false;
    bool is_head_queued_ : 1 = false;
    bool is_head_taken_ : 1 = false;    ///< by the session: it leaves
    bool is_output_ended_ : 1 = false;  ///< END_STREAM is queued behind all that is in `out_`
    bool has_no_body_ : 1 = false;      ///< END_STREAM comes with the head
    bool is_deferred_ : 1 = false;      ///< the library waits for resume_output()
    bool is_postponed_ : 1 = false;     ///< that, until more urgent ones that have run dry were asked for more
    bool is_pending_ : 1 = false;       ///< the request waits for on_output_gone()
    bool is_over_ : 1 = false;          ///< the request has finished
    bool is_broken_ : 1 = false;        ///< it ended before its answer did
    bool is_closed_ : 1 = false;
    bool is_reset_by_us_ : 1 = false;
    bool has_ended_ : 1 = false;
};

}  // namespace sluice::http2
