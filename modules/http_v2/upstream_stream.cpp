// UpstreamStream.
#include "upstream_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <unistd.h>

#include "frame_head.h"
#include "upstream_session.h"

namespace sluice::http2 {

using event::Received;
using http::upstream::NameValue;

namespace {

/// Bytes that waited, in a buffer as a connection delivers them.
class HeldBuffer : public event::PoolBuffer {
 public:
    static HeldBuffer& make(std::string&& bytes) { return *new HeldBuffer(std::move(bytes)); }
    Text text() const { return bytes_; }

 private:
    explicit HeldBuffer(std::string&& bytes) : bytes_(std::move(bytes)) {
        data = bytes_.data();
        capacity = static_cast<uint32_t>(bytes_.size());
        give_back = [](event::PoolBuffer& buffer) { delete static_cast<HeldBuffer*>(&buffer); };
    }
    std::string bytes_;
};

/// For calls that bring no bytes: nobody keeps what is empty.
event::PoolBuffer& empty_buffer() {
    static event::PoolBuffer buffer;
    return buffer;
}

nghttp2_nv to_library(const NameValue& field) {
    const auto bytes_of = [](Text text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
    return {.name = bytes_of(field.name),
            .value = bytes_of(field.value),
            .namelen = field.name.size(),
            .valuelen = field.value.size(),
            .flags = field.is_never_indexed ? uint8_t{NGHTTP2_NV_FLAG_NO_INDEX} : uint8_t{NGHTTP2_NV_FLAG_NONE}};
}

/// The array is used for one message after the other.
std::span<const nghttp2_nv> to_library(std::span<const NameValue> fields) {
    static std::vector<nghttp2_nv> shared;
    shared.clear();
    for (const NameValue& field : fields) shared.push_back(to_library(field));
    return shared;
}

ssize_t read_body(nghttp2_session*, int32_t, uint8_t* out, size_t most, uint32_t* flags, nghttp2_data_source* source,
                  void*) {
    return static_cast<UpstreamStream*>(source->ptr)->read(reinterpret_cast<char*>(out), most, *flags);
}

}  // namespace

UpstreamStream::UpstreamStream(UpstreamSession& session, http::upstream::Exchange& user,
                               http::upstream::FieldProtocol& protocol)
    : session_(session),
      user_(&user),
      protocol_(&protocol),
      held_task_(event::Task::call<&UpstreamStream::deliver_held>, this) {}

// --- the request ---

event::SendState UpstreamStream::send(event::Chain& chain, bool is_last) {
    // RFC 9113 §8.1: an upstream that has answered may have no use for the rest of the request; the answer counts.
    if (is_input_ended_ && (is_closed_ || session_.is_broken())) {
        chain.clear();
        return event::SendState::done;
    }
    if (is_closed_ || session_.is_broken()) return event::SendState::failed;
    out_.splice(chain);
    is_output_last_ |= is_last;
    is_pending_ = true;
    if (id_ == 0) {
        if (!submit()) return event::SendState::failed;
    } else if (is_deferred_) {
        is_deferred_ = false;
        nghttp2_session_resume_data(&session_.library(), id_);
    }
    session_.wake();
    return event::SendState::pending;
}

bool UpstreamStream::submit() {
    const std::span<const nghttp2_nv> fields = to_library(protocol_->request_fields());
    const nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
    const bool has_body = !is_output_last_ || !out_.empty() || !protocol_->request_trailers(*user_).empty();
    const int32_t id = nghttp2_submit_request(&session_.library(), nullptr, fields.data(), fields.size(),
                                              has_body ? &provider : nullptr, this);
    if (id > 0) {
        id_ = id;
        return true;
    }
    is_pending_ = false;
    is_closed_ = was_refused_ = true;
    return false;
}

Error UpstreamStream::send_error() const {
    return Error("upstream closed the stream", 0);
}

ssize_t UpstreamStream::read(char* out, size_t most, uint32_t& flags) {
    if (user_ == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (out_.empty() && !is_output_last_) {
        is_deferred_ = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    size_t size = 0;
    while (size < most && !out_.empty()) {
        const event::Buffer& first = *out_.head();
        size_t taken = std::min(most - size, static_cast<size_t>(first.size()));
        if (first.is_file()) {
            // A request's body that was too large for memory: it was written a moment ago.
            const ssize_t got = ::pread(first.fd, out + size, taken, first.file_begin);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            taken = static_cast<size_t>(got);
        } else {
            std::memcpy(out + size, first.begin, taken);
        }
        out_.consume(static_cast<int64_t>(taken));
        size += taken;
    }
    if (!out_.empty() || !is_output_last_) return static_cast<ssize_t>(size);
    flags |= NGHTTP2_DATA_FLAG_EOF;
    const std::span<const nghttp2_nv> trailers = to_library(protocol_->request_trailers(*user_));
    if (!trailers.empty()) {
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(&session_.library(), id_, trailers.data(), trailers.size());
    }
    return static_cast<ssize_t>(size);
}

void UpstreamStream::on_frame_sent(const nghttp2_frame_hd& head) {
    bytes_sent_ += static_cast<int64_t>(head.length) + kFrameHeadSize;
    if ((head.flags & NGHTTP2_FLAG_END_STREAM) != 0) is_output_ended_ = true;
    if (is_pending_ && out_.empty()) session_.add_gone(*this);
}

void UpstreamStream::on_output_gone() {
    if (!is_pending_ || !out_.empty()) return;
    is_pending_ = false;
    if (user_ != nullptr && !has_failed_) user_->on_sent();
}

// --- the answer ---

/// So many bytes were taken: the upstream may send as many again (RFC 9113 §5.2).
void UpstreamStream::open_window(size_t size) {
    if (is_closed_ || session_.is_broken()) return;
    nghttp2_session_consume_stream(&session_.library(), id_, size);
    session_.wake();
}

bool UpstreamStream::add_field(const Decoded& field) {
    if (user_ == nullptr || has_failed_) return true;
    using Outcome = http::upstream::FieldProtocol::Outcome;
    const Outcome outcome = protocol_->add_field(*user_, {field.name, field.value, field.is_never_indexed});
    if (outcome == Outcome::taken) return true;
    if (outcome == Outcome::malformed) reset(NGHTTP2_PROTOCOL_ERROR);
    hear_of_head();
    return false;
}

void UpstreamStream::refuse_field(const Decoded& field) {
    if (user_ == nullptr || has_failed_) return;
    protocol_->refuse_field(*user_, field.name, field.value);
    reset(NGHTTP2_PROTOCOL_ERROR);
    hear_of_head();
}

/// Nothing but the head, or what is wrong with it or with the trailers.
void UpstreamStream::hear_of_head() {
    Received nothing(empty_buffer(), {});
    if (user_ != nullptr) user_->on_received(nothing);
}

void UpstreamStream::end_block(size_t size, bool is_end) {
    if (user_ == nullptr || has_failed_) return;
    const bool had_head = protocol_->has_head();
    protocol_->end_block(*user_, size);
    if (!had_head && is_end) {
        is_input_ended_ = true;
        protocol_->end();
    }
    if (!had_head && protocol_->has_head()) return hear_of_head();
    if (is_end) end_input();
}

void UpstreamStream::take_body(Text piece) {
    // A stream that waits for its client must not stop the others: the connection's window is for all of them.
    nghttp2_session_consume_connection(&session_.library(), piece.size());
    if (user_ == nullptr || has_failed_) return;
    const bool is_too_much = most_at_once_ != 0 && piece.size() > most_at_once_;
    if (is_paused_ || !held_.empty() || is_too_much) {
        if (held_.empty() && !is_paused_) session_.loop().defer(held_task_);
        held_.append(piece);
        return;
    }
    open_window(piece.size());
    Received received(*session_.current_buffer(), piece);
    user_->on_received(received);
}

void UpstreamStream::end_input() {
    if (is_input_ended_) return;
    is_input_ended_ = true;
    if (user_ != nullptr && !is_paused_ && held_.empty()) tell_end();
}

void UpstreamStream::tell_end() {
    protocol_->end();
    hear_of_head();
}

void UpstreamStream::resume() {
    if (!is_paused_) return;
    is_paused_ = false;
    if (!held_.empty() || is_input_ended_) session_.loop().defer(held_task_);
}

/// As much as may be delivered at once.
std::string UpstreamStream::take_held() {
    if (most_at_once_ == 0 || held_.size() <= most_at_once_) return std::exchange(held_, {});
    std::string taken = held_.substr(0, most_at_once_);
    held_.erase(0, most_at_once_);
    return taken;
}

void UpstreamStream::deliver_held() {
    if (user_ == nullptr || is_paused_ || has_failed_) return;
    if (!held_.empty()) {
        HeldBuffer& buffer = HeldBuffer::make(take_held());
        const event::BufferHold hold(buffer);
        open_window(buffer.text().size());
        Received received(buffer, buffer.text());
        user_->on_received(received);
    }
    if (user_ == nullptr || is_paused_ || has_failed_) return;
    if (!held_.empty()) {
        session_.loop().defer(held_task_);
    } else if (is_input_ended_) {
        tell_end();
    }
}

// --- its end ---

/// The first of several counts.
void UpstreamStream::reset(uint32_t error) {
    nghttp2_submit_rst_stream(&session_.library(), NGHTTP2_FLAG_NONE, id_, error);
}

void UpstreamStream::on_timed_out(Msec silence) {
    session_.suspect(silence);
}

void UpstreamStream::close() {
    user_ = nullptr;
    protocol_ = nullptr;
    out_.clear();
    held_.clear();
    const bool ends_by_itself = is_input_ended_ && is_output_ended_;
    if (id_ == 0) {
        is_closed_ = true;
    } else if (!is_closed_ && !ends_by_itself && !session_.is_broken()) {
        reset(NGHTTP2_CANCEL);
    }
    session_.wake();
}

Error UpstreamStream::reset_error(uint32_t code) const {
    char room[64];
    TextBuilder text(room);
    if (was_reset_) {
        text.add("upstream rejected request with error ", code);
    } else if (code == NGHTTP2_REFUSED_STREAM) {
        text.add("upstream sent goaway with error ", session_.goaway_error());
    } else {
        text.add("request could not be read");  // a file of its body
    }
    return Error(text.text(), 0);
}

/// The library has found something wrong with what came; it does not always say what.
void UpstreamStream::refuse_answer() {
    has_failed_ = true;
    out_.clear();
    protocol_->refuse_answer(*user_, session_.complaint());
    hear_of_head();
}

void UpstreamStream::on_closed(uint32_t error) {
    is_closed_ = true;
    session_.wake();
    if (is_input_ended_ && is_pending_) {
        out_.clear();
        session_.add_gone(*this);
    }
    if (!is_unfinished()) return;
    constexpr size_t kResetSize = 13;
    const bool is_refused = error == NGHTTP2_REFUSED_STREAM;
    // An answer of a kind: it is not the connection that had come to its end.
    if (!is_refused) user_->count_received(kResetSize);
    if (!was_reset_ && !is_refused && error != NGHTTP2_INTERNAL_ERROR) return refuse_answer();
    fail(reset_error(error), is_refused);
}

void UpstreamStream::fail(const Error& error, bool was_refused) {
    if (!is_unfinished()) return;
    has_failed_ = true;
    was_refused_ = was_refused;
    out_.clear();
    user_->on_failed(error);
}

}  // namespace sluice::http2
