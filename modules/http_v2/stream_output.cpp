// Stream: the answer's way out. Bodies wait here until the library asks for them: by priority, as far as the client's
// windows and limit_rate allow.
#include <algorithm>

#include <sluice/http/head_completion.h>
#include <sluice/sdk.h>

#include "conf.h"
#include "frame_head.h"
#include "output.h"
#include "response_fields.h"
#include "session.h"
#include "stream.h"

namespace sluice::http2 {

using http::OutputState;
using http::Request;

namespace {

ssize_t read_body(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags, nghttp2_data_source* source,
                  void*) {
    return static_cast<Stream*>(source->ptr)->offer(length, *flags);
}

}  // namespace

/// A client that has closed its side can't open windows any more. A request may have gone on all the same
/// (proxy_ignore_client_abort), up to here.
bool Stream::can_answer() {
    if (!is_closed_ && !is_broken_ && !session_.has_lost_client()) return true;
    request_->finish(http::kStatusClientClosed);
    return false;
}

OutputState Stream::send_head(Request& request, event::Chain& body, bool is_last) {
    if (!can_answer()) return OutputState::failed;
    const auto& core = request.conf<http::LocationConf>();
    http::Response& response = request.response;
    session_.connection().set_no_delay(*core.tcp_nodelay);
    if (!session_.connection().may_persist(core)) session_.drain();
    if (is_extended_connect_) settle_tunnel_answer();
    has_no_body_ = response.is_header_only || response.status == 204 || response.status == 304;
    if (has_no_body_) {
        body.clear();
        response.is_header_only = true;
    }
    static_cast<void>(http::complete_head(request));
    const bool ends = has_no_body_ || (is_last && body.empty() && response.trailers.empty());
    nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
    is_output_ended_ = ends;
    is_head_queued_ = true;
    if (nghttp2_submit_response(&session_.library(), id_, nullptr, 0, ends ? nullptr : &provider) != 0)
        return OutputState::failed;
    add_section(response_fields(request), true);
    return queue(body, is_last);
}

OutputState Stream::send_body(Request&, event::Chain& body, bool is_last) {
    if (!can_answer()) return OutputState::failed;
    if (has_no_body_) {
        body.clear();
        return is_pending_ ? OutputState::pending : OutputState::sent;
    }
    return queue(body, is_last);
}

OutputState Stream::queue(event::Chain& chain, bool is_last) {
    out_.splice(chain);
    is_output_ended_ |= is_last;
    is_pending_ = true;
    session_.add_waiting(*this);
    if (is_deferred_) resume_output();
    session_.wake();
    return OutputState::pending;
}

/// The library makes frames without fields of them; the session fills these when they leave.
void Stream::add_section(FieldLines lines, bool is_head) {
    Section** last = &sections_;
    while (*last != nullptr) last = &(*last)->next;
    *last = arena_.make<Section>(lines, is_head, nullptr);
}

FieldLines Stream::take_section() {
    const Section& section = *std::exchange(sections_, sections_->next);
    is_head_taken_ |= section.is_head;
    return section.lines;
}

void Stream::resume_output() {
    is_deferred_ = false;
    nghttp2_session_resume_data(&session_.library(), id_);
}

ssize_t Stream::offer(size_t most, uint32_t& flags) {
    const int64_t waiting = out_.size();
    if (waiting == 0 && !is_output_ended_) {
        is_deferred_ = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (session_.has_dry_stream_before(urgency_)) {
        is_deferred_ = is_postponed_ = true;
        session_.note_postponed();
        return NGHTTP2_ERR_DEFERRED;
    }
    int64_t size = std::min(waiting, static_cast<int64_t>(most));
    if (size != 0 && tunnel_ == nullptr && request_->limit_rate() > 0) {
        const auto share = rate_limit_.take(*request_, session_.loop().now(), size, bytes_sent_);
        if (share.size == 0) {
            rate_timer_.arm(session_.loop(), share.wait);
            is_deferred_ = true;
            return NGHTTP2_ERR_DEFERRED;
        }
        size = share.size;
    }
    if (size != 0) flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size != waiting || !is_output_ended_) return size;
    flags |= NGHTTP2_DATA_FLAG_EOF;
    const http::Headers& trailers = request_->response.trailers;
    if (trailers.empty()) return size;
    const FieldLines lines = trailer_fields(arena_, trailers);
    if (!lines.empty()) {
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(&session_.library(), id_, nullptr, 0) == 0) add_section(lines, false);
    }
    return size;
}

void Stream::write(Output& output, size_t size) {
    while (size != 0) {
        const event::Buffer& first = *out_.head();
        const Text piece = first.text().substr(0, size);
        output.add(piece);
        size -= piece.size();
        out_.consume(static_cast<int64_t>(piece.size()));
    }
}

void Stream::on_frame_sent(const nghttp2_frame_hd& head, size_t size) {
    bytes_sent_ += static_cast<int64_t>(kFrameHeadSize + size);
    request_->head_bytes_sent +=
        static_cast<int64_t>(head.type == NGHTTP2_HEADERS ? kFrameHeadSize + size : kFrameHeadSize);
    if (is_head_taken_ && is_pending_ && out_.empty()) session_.add_gone(*this);
}

void Stream::on_output_gone() {
    is_pending_ = false;
    send_timer_.disarm();
    if (is_over_) return;
    if (tunnel_ != nullptr && !is_output_ended_) {
        tunnel_->on_client_sent();
    } else {
        request_->on_output_gone();
    }
}

void Stream::go_on_postponed() {
    if (!is_postponed_) return;
    is_postponed_ = false;
    if (is_deferred_ && !is_closed_) resume_output();
}

void Stream::on_rate_timer() {
    if (is_over_ || is_closed_ || !is_deferred_) return;
    resume_output();
    session_.wake();
}

void Stream::watch_waiting() {
    if (send_timer_.is_armed() || rate_timer_.is_armed()) return;
    event::Loop& loop = session_.loop();
    send_timer_.arm(loop,
                    sending_.begin(bytes_sent_, loop.now(), *request_->conf<http::LocationConf>().send_timeout));
}

// send_timeout counts from one success to the next, not for the whole response.
void Stream::on_send_timer() {
    if (is_over_ || is_closed_ || rate_timer_.is_armed()) return;
    event::Loop& loop = session_.loop();
    const Msec next = sending_.look(bytes_sent_, loop.now(), *request_->conf<http::LocationConf>().send_timeout);
    if (next.count > 0) return send_timer_.arm(loop, next);
    request_->set_action("sending response to client");
    request_->log().write(LogLevel::info, ETIMEDOUT, "client timed out");
    session_.reset(*this, NGHTTP2_CANCEL);
    on_connection_lost();
}

void Stream::send_interim(Request& request, uint16_t status, const http::Headers& fields) {
    if (is_closed_ || is_head_queued_) return;
    if (nghttp2_submit_headers(&session_.library(), NGHTTP2_FLAG_NONE, id_, nullptr, nullptr, 0, nullptr) != 0)
        return;
    add_section(interim_fields(request.arena(), status, fields), false);
    session_.wake();
}

}  // namespace sluice::http2
