// Session: what leaves. Once per turn of the loop the frames of all streams are gathered into one send.
#include <algorithm>
#include <cerrno>

#include <sluice/sdk.h>

#include "conf.h"
#include "frame_head.h"
#include "session.h"

namespace sluice::http2 {

namespace {

/// Bytes sent before other connections have their turn.
constexpr size_t kSentAtOnce = 1024 * 1024;
/// Frames that wait for a client that does not read; beyond it, it is not read from either.
constexpr size_t kMostQueued = 512;

}  // namespace

void Session::turn() {
    if (is_closed_) return;
    size_t sent = 0;
    while (!is_sending_ && !is_broken_ && !is_lingering_) {
        end_streams();
        if (!fill()) break;
        if (output_.is_empty()) break;
        sent += output_.size();
        if (!send_round()) break;
        if (sent >= kSentAtOnce) {
            wake();
            break;
        }
    }
    end_streams();
    if (is_closed_ || is_lingering_) return;
    watch_waiting();
    settle();
}

/// Takes frames from the library until the buffer is full or there are none.
bool Session::fill() {
    while (!output_.is_full()) {
        if (long_section_ != nullptr) {
            continue_section();
            continue;
        }
        const uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(&library(), &bytes);
        if (size < 0) {
            fail(Error(nghttp2_strerror(static_cast<int>(size)), 0));
            return false;
        }
        if (size == 0 && dry_urgency_ != kNoneIsDry) {
            fill_dry_streams();
            continue;
        }
        if (size == 0) break;
        const Text frame(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
        // It has told of them already: see write_section().
        if (FrameHead::read(frame.data()).type == NGHTTP2_HEADERS) continue;
        output_.add(frame);
        if (!was_greeted_) correct_greeting();
    }
    return true;
}

// The library tells of a frame before it hands it out: what the next one shall be may depend on this one's end of a
// stream.
size_t Session::write_section(FrameHead head, Stream& stream) {
    const FieldLines lines = stream.take_section();
    if (FieldEncoder::most_bytes(lines) <= kLargestPayload) {
        char* const begin = output_.room();
        const char* const end = encoder_.write(lines, begin + kFrameHeadSize);
        head.length = static_cast<uint32_t>(end - begin) - kFrameHeadSize;
        head.write(begin);
        output_.add_written(kFrameHeadSize + head.length);
        return head.length;
    }
    std::string block(FieldEncoder::most_bytes(lines), '\0');
    block.resize(static_cast<size_t>(encoder_.write(lines, block.data()) - block.data()));
    const size_t size = block.size();
    head.length = static_cast<uint32_t>(std::min(size, kLargestPayload));
    if (head.length < size) head.flags &= static_cast<uint8_t>(~NGHTTP2_FLAG_END_HEADERS);
    head.write(output_.room());
    output_.add_written(kFrameHeadSize);
    output_.add(Text(block).substr(0, head.length));
    if (head.length < size)
        long_section_ = std::make_unique<LongSection>(LongSection{std::move(block), head.length, head.stream});
    return size;
}

/// RFC 9113 §6.10: nothing may come between.
void Session::continue_section() {
    LongSection& section = *long_section_;
    const Text piece = Text(section.block).substr(section.written, kLargestPayload);
    section.written += piece.size();
    const bool is_end = section.written == section.block.size();
    const FrameHead head{.length = static_cast<uint32_t>(piece.size()),
                         .type = NGHTTP2_CONTINUATION,
                         .flags = is_end ? uint8_t{NGHTTP2_FLAG_END_HEADERS} : uint8_t{0},
                         .stream = section.stream};
    head.write(output_.room());
    output_.add_written(kFrameHeadSize);
    output_.add(piece);
    if (is_end) long_section_.reset();
}

/// A client that opens one stream too many gets a stream error (RFC 9113 §5.1.2), of which the library would make one
/// of the connection. So the limit is ours, and unknown to it: the number is put into our SETTINGS, whose first it
/// is.
void Session::correct_greeting() {
    constexpr size_t kValueAt = kFrameHeadSize + 2;
    was_greeted_ = true;
    for (size_t i = 0; i < 4; ++i)
        output_.data()[kValueAt + i] = static_cast<char>(most_streams_ >> (24 - 8 * i) & 0xffU);
}

bool Session::send_round() {
    // What the client reads earns it the frames that say so.
    flood_.earn(static_cast<int64_t>(output_.size() / 1024));
    event::Chain chain = output_.take();
    switch (connection_.transport().send(chain)) {
        case event::SendState::done:
            output_.release();
            tell_gone();
            return true;
        case event::SendState::pending:
            is_sending_ = true;
            send_timer_.arm(loop(), sending_.begin(connection_.transport().bytes_sent(), loop().now(),
                                                   *connection_.server().root.core->send_timeout));
            return false;
        case event::SendState::failed: break;
    }
    fail(connection_.transport().send_failure());
    return false;
}

void Session::add_gone(Stream& stream) {
    static_cast<ListNode<WaitingTag>&>(stream).unlink();
    if (!stream.is_dry()) return gone_.push_back(stream);
    gone_.push_front(stream);
    dry_urgency_ = std::min(dry_urgency_, stream.urgency());
}

void Session::tell_gone() {
    while (Stream* stream = gone_.pop_front()) stream->on_output_gone();
    settle_dry_streams();
}

void Session::settle_dry_streams() {
    dry_urgency_ = kNoneIsDry;
    if (!has_postponed_stream_) return;
    has_postponed_stream_ = false;
    for (Stream& stream : streams_) stream.go_on_postponed();
}

/// What they have given was copied, so they may go on while the output has room. (RFC 9218 §10: what is urgent comes
/// first; sources give their bodies piece by piece.)
void Session::fill_dry_streams() {
    while (!gone_.empty() && gone_.front().is_dry()) gone_.pop_front()->on_output_gone();
    settle_dry_streams();
}

void Session::watch_waiting() {
    for (Stream& stream : waiting_) stream.watch_waiting();
    const bool is_stuffed = is_sending_ && nghttp2_session_get_outbound_queue_size(&library()) > kMostQueued;
    event::Connection& transport = connection_.transport();
    if (is_stuffed && !transport.is_paused()) {
        transport.pause();
    } else if (!is_stuffed && transport.is_paused()) {
        transport.resume();
    }
}

// As for HTTP/1: send_timeout counts from one success to the next.
void Session::on_send_timer() {
    if (!is_sending_) {
        if (connection_.is_idle()) memory_.fold();
        return;
    }
    const auto& core = *connection_.server().root.core;
    const Msec next = sending_.look(connection_.transport().bytes_sent(), loop().now(), *core.send_timeout);
    if (next.count > 0) return send_timer_.arm(loop(), next);
    connection_.log().write(LogLevel::info, ETIMEDOUT, "client timed out");
    is_broken_ = true;
    end_all(&Stream::on_connection_lost);
    end_streams();
    close(*core.reset_timedout_connection);
}

ssize_t Session::data_size(Stream* stream, int32_t connection_window, int32_t stream_window,
                           uint32_t largest_frame) const {
    int64_t most = std::min<int64_t>({connection_window, stream_window, largest_frame, 16 * 1024});
    if (stream != nullptr) most = std::min(most, stream->request().conf<LocationConf>().chunk_size->count);
    return std::max<int64_t>(most, 1);
}

}  // namespace sluice::http2
