// UpstreamStream: one request to an upstream and its answer, as an exchange's channel. It ends when the exchange has
// left it and the library, which holds pointers to it, has closed its side.
#pragma once

#include <cstdint>
#include <string>

#include <nghttp2/nghttp2.h>
#include <sluice/core/base/list.h>
#include <sluice/core/base/recycled.h>
#include <sluice/event/loop.h>
#include <sluice/http/upstream/channel.h>
#include <sluice/http/upstream/exchange.h>
#include <sluice/http/upstream/field_protocol.h>

#include "library.h"

namespace sluice::http2 {

class UpstreamSession;

/// Lists of the session: all of its streams; those whose output has gone, and who have not heard it.
struct UpstreamAllTag {};
struct UpstreamGoneTag {};

class UpstreamStream final : public Recycled<UpstreamStream, 128>,
                             public http::upstream::Channel,
                             public ListNode<UpstreamAllTag>,
                             public ListNode<UpstreamGoneTag> {
 public:
    UpstreamStream(UpstreamSession& session, http::upstream::Exchange& user, http::upstream::FieldProtocol& protocol);
    UpstreamStream(const UpstreamStream&) = delete;

    int32_t id() const { return id_; }

    // http::upstream::Channel
    event::SendState send(event::Chain& chain, bool is_last) override;
    bool is_sending() const override { return is_pending_; }
    Error send_error() const override;
    void pause() override { is_paused_ = true; }
    void resume() override;
    bool is_paused() const override { return is_paused_; }
    void expect_bulk() override {}
    void limit_receiving(uint32_t most) override { most_at_once_ = most; }
    int64_t bytes_sent() const override { return bytes_sent_; }
    int64_t user_bytes_sent() const override { return bytes_sent_; }
    bool was_refused() const override { return was_refused_; }
    void on_timed_out(Msec silence) override;
    void finish(http::upstream::Pool*) override { close(); }
    void close() override;

    // What the upstream sends: calls of the library. The exchange may leave in each of them.
    /// False: it is given up.
    [[nodiscard]] bool add_field(const Decoded& field);
    void refuse_field(const Decoded& field);
    /// A block of fields has ended, which had `size` bytes.
    void end_block(size_t size, bool is_end);
    void take_body(Text piece);
    void end_input();
    void take_reset() { was_reset_ = true; }

    // What it gets.
    /// The library asks for up to `most` bytes of the body, or NGHTTP2_ERR_DEFERRED.
    ssize_t read(char* out, size_t most, uint32_t& flags);
    void on_frame_sent(const nghttp2_frame_hd& head);
    /// What was pending lies in the kernel.
    void on_output_gone();

    // Its end.
    /// The library has closed it.
    void on_closed(uint32_t error);
    /// The connection is gone, or the request never left.
    void fail(const Error& error, bool was_refused);
    /// Whether somebody still waits for something that can't come when the connection ends.
    bool is_unfinished() const { return user_ != nullptr && !is_input_ended_ && !has_failed_; }
    bool is_over() const { return user_ == nullptr && is_closed_; }
    /// The library is going: it will close nothing any more.
    void forget_library() { is_closed_ = true; }

 private:
    bool submit();
    void reset(uint32_t error);
    Error reset_error(uint32_t code) const;
    void refuse_answer();
    void open_window(size_t size);
    void hear_of_head();
    std::string take_held();
    void deliver_held();
    void tell_end();

    UpstreamSession& session_;
    http::upstream::Exchange* user_;  ///< null: it has left
    http::upstream::FieldProtocol* protocol_;
    event::Chain out_;
    event::Task held_task_;
    std::string held_;  ///< what came while it was paused, or too much at once; bounded by the stream's window
    int64_t bytes_sent_ = 0;
    uint32_t most_at_once_ = 0;  ///< bytes of the answer's body that are delivered in one call; 0: any
    int32_t id_ = 0;             ///< 0: the request was not given to the library yet
    bool is_paused_ : 1 = false;
    bool is_pending_ : 1 = false;       ///< the exchange waits for on_sent()
    bool is_deferred_ : 1 = false;      ///< the library waits for more of the body
    bool is_output_last_ : 1 = false;   ///< the request ends with `out_`
    bool is_output_ended_ : 1 = false;  ///< END_STREAM has left
    bool is_input_ended_ : 1 = false;   ///< END_STREAM has come
    bool was_reset_ : 1 = false;        ///< by the upstream
    bool was_refused_ : 1 = false;
    bool has_failed_ : 1 = false;
    bool is_closed_ : 1 = false;
};

}  // namespace sluice::http2
