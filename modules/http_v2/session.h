// Session: HTTP/2 on a client's connection (RFC 9113). What arrives goes to the library at once; what its streams
// answer is gathered, and leaves when everybody had his turn: many responses in one send.
//
//   bytes ─► on_received ─► library ─callbacks─► streams ─► requests ─► handlers ─► streams ─► wake()
//   loop ─► turn(): library ─frames─► Output ─► connection; streams hear what has gone, and end
//
//   open ─ drain(): GOAWAY that announces, PING ─ its answer: GOAWAY that counts ─ no streams: lingering ─► closed
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/event/loop.h>
#include <sluice/event/progress.h>
#include <sluice/event/received.h>
#include <sluice/event/timer.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/session.h>

#include "field_encoder.h"
#include "flood.h"
#include "frame_head.h"
#include "frame_walk.h"
#include "library.h"
#include "library_memory.h"
#include "output.h"
#include "stream.h"
#include "window_check.h"

namespace sluice::http2 {

class Session final : public http::Session {
 public:
    explicit Session(http::ServerConnection& connection);
    ~Session() override;

    // http::Session
    void on_received(event::Received& received) override;
    void on_sent() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    void on_timer() override;
    void shut_down() override { drain(); }
    void describe(TextBuilder& line) const override;

    http::ServerConnection& connection() { return connection_; }
    event::Loop& loop() const { return connection_.loop(); }
    const HeadLimits& head_limits() const { return head_limits_; }
    /// As long as there is nothing to do for it, its memory is folded; every use begins here.
    nghttp2_session& library() {
        memory_.unfold();
        return *library_;
    }

    // From the streams.
    /// There is something to send, or a stream has ended: turn() runs behind all that is going on now.
    void wake() { loop().defer(turn_task_); }
    void add_waiting(Stream& stream) { waiting_.push_back(stream); }
    void add_gone(Stream& stream);
    /// There is a more urgent stream that has run dry, and is asked for more before this one goes on: those with
    /// little at hand would be overtaken else.
    bool has_dry_stream_before(uint32_t urgency) const { return dry_urgency_ < urgency; }
    /// This one waits until then.
    void note_postponed() { has_postponed_stream_ = true; }
    /// So many bytes of a stream's body were taken: the windows may open again.
    void consume(const Stream& stream, size_t size);
    /// The body of this stream is wanted: a larger window than for those that nobody may ever ask for.
    void widen(const Stream& stream);
    void reset(const Stream& stream, uint32_t error);
    void on_stream_closed() { --open_count_; }
    void on_answered() { flood_.earn(FloodGate::kReset); }
    /// Begins the graceful end (RFC 9113 §6.8): no more streams after the client has heard it.
    void drain();
    /// Nothing more comes from the client, or can be sent to it.
    bool has_lost_client() const { return peer_closed_ || is_broken_; }
    /// The buffer of the bytes that the library is reading; only within its callbacks.
    event::PoolBuffer& current_buffer() const { return *current_; }

    // From the library (session_input.cpp).
    /// Null: the library does not have it open, or it is none of ours. The one that was found last is remembered: the
    /// frames of a stream, and all that they bring, come together.
    Stream* find_stream(int32_t id) {
        if (found_ == nullptr || found_->id() != id)
            found_ = static_cast<Stream*>(nghttp2_session_get_stream_user_data(&library(), id));
        return found_;
    }
    /// The library has closed it, or it goes.
    void forget(const Stream& stream) {
        if (found_ == &stream) found_ = nullptr;
    }
    void count_frame(const nghttp2_frame_hd& head, const Stream* stream);
    void count_body(size_t size);
    /// A DATA frame leaves with so many bytes of a body.
    void count_data_sent(int32_t stream, size_t size);
    /// False: the stream is refused.
    [[nodiscard]] bool begin_head(const nghttp2_frame& frame);
    void take_frame(const nghttp2_frame& frame, Stream* stream);
    void consume_ownerless(int32_t id, size_t size);
    /// By a PRIORITY_UPDATE that came before the stream's head; of many such streams only the last few are
    /// remembered.
    std::optional<uint8_t> early_urgency(int32_t id) const;
    void report_invalid_field(Stream& stream, const Decoded& field) const;
    void report_error(Text what) const;
    /// RST_STREAM of ours, or of the library's. `stream`: null if it is gone.
    void on_reset_sent(Stream* stream, uint32_t error);
    void on_goaway_sent();
    /// GOAWAY with an error: the connection ends as soon as it is sent.
    void refuse_connection(uint32_t error);
    /// HEADERS that end their section, but hold no fields: those of the stream are put into it. Returns their size.
    size_t write_section(FrameHead head, Stream& stream);
    Output& output() { return output_; }
    ssize_t data_size(Stream* stream, int32_t connection_window, int32_t stream_window, uint32_t largest_frame) const;

 private:
    /// A head that is too long for one frame.
    struct LongSection {
        std::string block;
        size_t written = 0;
        int32_t stream = 0;
    };
    struct EarlyPriority {
        int32_t stream = 0;
        uint8_t urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
    };
    static constexpr uint8_t kNoneIsDry = NGHTTP2_EXTPRI_URGENCY_LOW + 1;
    enum class Drain : uint8_t {
        none,
        announced,  ///< new streams are still taken: the client may not have heard of it
        told,       ///< the last stream is named
    };

    // session_input.cpp
    void submit_settings();
    void take_settings(const nghttp2_settings& settings);
    void take_priority(const nghttp2_ext_priority_update& update);
    ssize_t read(Text bytes);
    bool reset_for_nothing(int32_t id);
    void note_stream(int32_t id);
    void settle_head_timer();
    void count_unknown();
    void check_flood();
    // session_output.cpp
    void turn();
    /// False: nothing more can be sent now.
    bool send_round();
    void correct_greeting();
    bool fill();
    void continue_section();
    void tell_gone();
    void fill_dry_streams();
    void settle_dry_streams();
    void watch_waiting();
    void on_send_timer();
    void fail(const Error& error);
    // session.cpp
    void end_streams();
    void settle();
    void become_idle();
    void finish_drain();
    void take_ping(const nghttp2_ping& ping);
    void end_all(void (Stream::*tell)());
    void linger();
    void go_on_lingering();
    void close(bool resets);

    http::ServerConnection& connection_;
    const HeadLimits head_limits_;
    LibraryMemory memory_;
    Library library_;
    FieldEncoder encoder_;
    std::unique_ptr<LongSection> long_section_;  ///< its frames follow one another
    Output output_;
    List<Stream, AllTag> streams_;
    List<Stream, WaitingTag> waiting_;
    List<Stream, GoneTag> gone_;
    event::Task turn_task_;
    event::Timer send_timer_;  ///< send_timeout; when idle: kFoldAfter
    event::Timer drain_timer_;
    FloodGate flood_;
    FrameWalk walk_{FrameWalk::kPrefaceSize};
    std::vector<std::pair<int32_t, int32_t>> gaps_;  ///< the first and the last of streams that were passed over
    WindowCheck window_check_;
    int32_t last_id_ = -1;                  ///< of a head
    std::array<EarlyPriority, 4> early_{};  ///< see early_urgency()
    uint32_t early_count_ = 0;
    event::PoolBuffer* current_ = nullptr;
    Stream* found_ = nullptr;
    event::Progress sending_;  ///< what the connection has sent, while is_sending_
    Msec lingers_until_{};
    uint8_t dry_urgency_ = kNoneIsDry;  ///< of the most urgent of the dry streams at the front of `gone_`
    bool is_data_unpaid_ = false;       ///< nothing of the DATA frame that is being received has earned credit
    int64_t unknown_ = 0;               ///< bytes of frames that came, less those that count_frame() has seen
    int64_t unknown_spent_ = 0;         ///< of these, what was spent for
    uint32_t stream_count_ = 0;         ///< requests
    uint32_t open_count_ = 0;           ///< of these, those that the library has not closed
    uint32_t most_streams_;
    Drain drain_ = Drain::none;
    bool was_greeted_ : 1 = false;  ///< our SETTINGS are in the output
    bool is_sending_ : 1 = false;   ///< `output_` is on its way
    bool has_postponed_stream_ : 1 = false;
    bool is_reading_head_ : 1 = false;  ///< a header block has begun and not ended
    bool is_head_timed_ : 1 = false;    ///< client_header_timeout runs
    bool is_lingering_ : 1 = false;
    bool is_closed_ : 1 = false;
    bool is_broken_ : 1 = false;  ///< nothing can be sent any more
    bool peer_closed_ : 1 = false;
    bool is_refused_ : 1 = false;  ///< refuse_connection() was called, or the library gave up
    bool has_ended_ : 1 = false;   ///< the library has nothing more to say or to hear
};

}  // namespace sluice::http2
