// Session: what the client sends.
#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include <sluice/http/uri/log_escape.h>
#include <sluice/sdk.h>

#include "conf.h"
#include "frame_head.h"
#include "priority.h"
#include "session.h"

namespace sluice::http2 {

namespace {

/// Of bodies that a handler takes.
constexpr int32_t kStreamWindow = 256 * 1024;
/// Of all streams together, for what waits for its handler.
constexpr int32_t kConnectionWindow = 4 * 1024 * 1024;
/// A piece of body below this size is hardly worth its frame.
constexpr size_t kTinyFrame = 16;

/// The beginning of something that a client has sent: it must not look like lines of the log.
std::string shown(Text text) {
    constexpr size_t kMost = 200;
    const Text begin = text.substr(0, kMost);
    std::string room(http::uri::log_escaped_size(begin), '\0');
    return std::string(http::uri::log_escape(begin, room));
}

}  // namespace

void Session::submit_settings() {
    const ServerConf& conf = conf_of(connection_.server());
    const auto& buffers = *connection_.server().core->large_client_header_buffers;
    const std::array<nghttp2_settings_entry, 5> entries{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, INT32_MAX},  // see correct_greeting()
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(conf.body_preread_size->count)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(buffers.size.count) * buffers.number},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    }};
    nghttp2_submit_settings(&library(), NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    nghttp2_session_set_local_window_size(&library(), NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

/// To the library, but for what FrameWalk finds. Negative: an error of the library's.
ssize_t Session::read(Text bytes) {
    const auto pass = [this](Text piece) {
        return piece.empty() ? 0
                             : nghttp2_session_mem_recv(&library(), reinterpret_cast<const uint8_t*>(piece.data()),
                                                        piece.size());
    };
    while (!bytes.empty()) {
        const FrameWalk::Step step = walk_.next(bytes);
        if (walk_.is_too_large()) {
            report_error("too large frame size");
            refuse_connection(NGHTTP2_FRAME_SIZE_ERROR);
            return 0;
        }
        if (const ssize_t used = pass(step.passed); used < 0) return used;
        if (step.stream == 0 || reset_for_nothing(step.stream)) continue;
        if (const ssize_t used = pass(step.update); used < 0) return used;
    }
    return 0;
}

/// False: it is the connection's fault after all, in the middle of a head or for a stream that there is not.
bool Session::reset_for_nothing(int32_t id) {
    if (is_reading_head_ || is_refused_ || nghttp2_session_find_stream(&library(), id) == nullptr) return false;
    unknown_ -= FrameWalk::kUpdateSize;
    connection_.log().info("http2: WINDOW_UPDATE of 0 for stream ", id);
    nghttp2_submit_rst_stream(&library(), NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    return true;
}

/// Streams that were passed over are closed (RFC 9113 §5.1.1), which the library does not tell from those that have
/// been there.
void Session::note_stream(int32_t id) {
    constexpr size_t kMostGaps = 16;
    if (id > last_id_) {
        if (id > last_id_ + 2 && gaps_.size() < kMostGaps) gaps_.emplace_back(last_id_ + 2, id - 2);
        last_id_ = id;
        return;
    }
    for (const auto& [first, last] : gaps_)
        if (id >= first && id <= last) refuse_connection(NGHTTP2_PROTOCOL_ERROR);
}

/// Frames of types that nobody knows are not told of, nor those of streams that are closed, nor the continuation of a
/// header block. What DATA carries there has been paid for by the windows.
void Session::count_unknown() {
    constexpr int64_t kBytes = 256;
    unknown_ += walk_.take_passed();
    if (unknown_ < unknown_spent_ + kBytes) return;
    flood_.spend((unknown_ - unknown_spent_) / kBytes);
    unknown_spent_ = unknown_;
    check_flood();
}

/// Of every frame but CONTINUATION, which the library counts.
void Session::count_frame(const nghttp2_frame_hd& head, const Stream* stream) {
    unknown_ -= static_cast<int64_t>(kFrameHeadSize + (head.type == NGHTTP2_DATA ? 0 : head.length));
    switch (head.type) {
        case NGHTTP2_DATA:
            flood_.spend(FloodGate::kFrame);
            is_data_unpaid_ = true;
            break;
        case NGHTTP2_WINDOW_UPDATE: flood_.take_update(); break;
        case NGHTTP2_HEADERS:
            if (stream == nullptr && head.stream_id % 2 == 1) note_stream(head.stream_id);
            break;
        case NGHTTP2_PRIORITY:
            // The library passes them over.
            flood_.spend(FloodGate::kFrame);
            if (head.stream_id == 0) refuse_connection(NGHTTP2_PROTOCOL_ERROR);
            break;
        case NGHTTP2_RST_STREAM:
            flood_.spend(stream != nullptr && !stream->is_over() ? FloodGate::kReset : FloodGate::kFrame);
            break;
        case NGHTTP2_SETTINGS:
            window_check_.begin(library(), streams_);
            flood_.spend(FloodGate::kAnswered);
            break;
        case NGHTTP2_PING: flood_.spend(FloodGate::kAnswered); break;
        default: flood_.spend(FloodGate::kFrame); break;
    }
    check_flood();
}

/// Bytes of a body pay for the frame that brought them, many for more than that.
void Session::count_body(size_t size) {
    if (!std::exchange(is_data_unpaid_, false)) return;
    flood_.earn(size >= kTinyFrame ? 2 * FloodGate::kFrame : FloodGate::kFrame);
}

/// A client that opens its window byte by byte makes us send tiny frames: those it pays for itself.
void Session::count_data_sent(int32_t stream, size_t size) {
    if (size >= kTinyFrame) return flood_.expect_updates();
    const int32_t window = std::min(nghttp2_session_get_stream_remote_window_size(&library(), stream),
                                    nghttp2_session_get_remote_window_size(&library()));
    if (static_cast<int64_t>(size) < window) flood_.expect_updates();
}

void Session::check_flood() {
    if (!flood_.is_exhausted(loop().now()) || is_refused_) return;
    connection_.log().info("http2 flood detected");
    refuse_connection(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Session::on_reset_sent(Stream* stream, uint32_t error) {
    if (stream != nullptr) stream->on_reset_sent(error);
    // A client that makes us reset its streams is no better than one that does so itself.
    if (error != NGHTTP2_NO_ERROR) flood_.spend(FloodGate::kReset);
}

bool Session::begin_head(const nghttp2_frame& frame) {
    is_reading_head_ = true;
    if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return true;
    const int32_t id = frame.hd.stream_id;
    // Requests may live on behind streams that were reset. Behind the last that GOAWAY names nothing may be acted on,
    // though it may not have left yet (RFC 9113 §6.8).
    if (is_refused_ || drain_ == Drain::told || open_count_ >= most_streams_ || stream_count_ >= 2 * most_streams_) {
        nghttp2_submit_rst_stream(&library(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        return false;
    }
    ++connection_.requests;
    ++stream_count_;
    ++open_count_;
    auto* const stream = new Stream(*this, id);
    streams_.push_back(*stream);
    nghttp2_session_set_stream_user_data(&library(), id, stream);
    return true;
}

void Session::take_frame(const nghttp2_frame& frame, Stream* stream) {
    const bool is_end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame.hd.type) {
        case NGHTTP2_HEADERS:
            is_reading_head_ = false;
            if (stream == nullptr) break;
            if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
                // RFC 9113 §8.1: nothing comes behind trailers.
                if (is_end) {
                    stream->end_input();
                } else {
                    reset(*stream, NGHTTP2_PROTOCOL_ERROR);
                }
                break;
            }
            stream->count_head(frame.hd.length);
            if (!is_refused_ && !stream->begin(is_end)) reset(*stream, NGHTTP2_PROTOCOL_ERROR);
            break;
        case NGHTTP2_DATA:
            if (is_end && stream != nullptr) stream->end_input();
            break;
        case NGHTTP2_PING: take_ping(frame.ping); break;
        case NGHTTP2_PRIORITY_UPDATE:
            take_priority(*static_cast<const nghttp2_ext_priority_update*>(frame.ext.payload));
            break;
        case NGHTTP2_SETTINGS: take_settings(frame.settings); break;
        default: break;
    }
}

/// RFC 9218 §7.1. The library applies it.
void Session::take_priority(const nghttp2_ext_priority_update& update) {
    if (update.stream_id == 0) return refuse_connection(NGHTTP2_PROTOCOL_ERROR);
    nghttp2_extpri priority{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 0};
    const Text field(reinterpret_cast<const char*>(update.field_value), update.field_value_len);
    if (!read_priority(field, priority)) return;
    const auto urgency = static_cast<uint8_t>(priority.urgency);
    if (update.stream_id > last_id_) {
        early_[early_count_++ % early_.size()] = {update.stream_id, urgency};
    } else if (Stream* const stream = find_stream(update.stream_id)) {
        stream->set_urgency(urgency);
    }
}

std::optional<uint8_t> Session::early_urgency(int32_t id) const {
    // A stream may have had several.
    for (uint32_t back = 1; back <= early_.size(); ++back) {
        const EarlyPriority& early = early_[(early_count_ - back) % early_.size()];
        if (early.stream == id) return early.urgency;
    }
    return std::nullopt;
}

void Session::take_settings(const nghttp2_settings& settings) {
    for (const nghttp2_settings_entry& entry : std::span(settings.iv, settings.niv))
        if (entry.settings_id == NGHTTP2_SETTINGS_HEADER_TABLE_SIZE) encoder_.limit(entry.value);
    if (window_check_.has_overflown(library())) refuse_connection(NGHTTP2_FLOW_CONTROL_ERROR);
}

/// client_header_timeout: for the time that a header block takes.
void Session::settle_head_timer() {
    if (is_reading_head_ == is_head_timed_) {
        if (!is_head_timed_ && connection_.requests != 0) connection_.stop_timer();
        return;
    }
    is_head_timed_ = is_reading_head_;
    if (is_head_timed_) {
        connection_.start_timer(*connection_.server().core->client_header_timeout);
    } else {
        connection_.stop_timer();
    }
}

void Session::consume(const Stream& stream, size_t size) {
    if (is_broken_) return;
    if (stream.is_closed()) {
        nghttp2_session_consume_connection(&library(), size);
    } else {
        nghttp2_session_consume(&library(), stream.id(), size);
    }
    wake();
}

void Session::consume_ownerless(int32_t id, size_t size) {
    nghttp2_session_consume(&library(), id, size);
}

void Session::widen(const Stream& stream) {
    const int32_t now = nghttp2_session_get_stream_local_window_size(&library(), stream.id());
    if (now >= kStreamWindow || stream.is_closed()) return;
    nghttp2_session_set_local_window_size(&library(), NGHTTP2_FLAG_NONE, stream.id(), kStreamWindow);
    wake();
}

void Session::reset(const Stream& stream, uint32_t error) {
    if (stream.is_closed() || is_broken_) return;
    nghttp2_submit_rst_stream(&library(), NGHTTP2_FLAG_NONE, stream.id(), error);
    wake();
}

void Session::refuse_connection(uint32_t error) {
    if (is_refused_) return;
    is_refused_ = true;
    nghttp2_session_terminate_session(&library(), error);
    wake();
}

void Session::report_invalid_field(Stream& stream, const Decoded& field) const {
    stream.request().log().info("client sent invalid header line: \"", shown(field.name), ": ", shown(field.value),
                                "\"");
}

void Session::report_error(Text what) const {
    connection_.log().info("http2: ", shown(what));
}

}  // namespace sluice::http2
