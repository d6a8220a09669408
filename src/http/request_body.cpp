// RequestBody: collecting into memory up to client_body_buffer_size, then into a temporary file.
#include "http/request_body.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "http/conf/location_conf.h"
#include "http/request.h"
#include "http/temp_file.h"

namespace sluice::http {

void RequestBody::collect(Request& request, Collected then) {
    then_ = then;
    if (is_complete_ || framing == Framing::none) {
        state_ = State::done;
        is_complete_ = true;
        then(request, 0);
        return;
    }
    state_ = State::collecting;
    const auto& core = request.conf<LocationConf>();
    const int64_t buffer = core.client_body_buffer_size->count;
    // A body that is announced and fits needs no more than its length.
    const bool fits = framing == Framing::length && announced_length <= buffer + buffer / 4;
    capacity_ = static_cast<size_t>(fits ? announced_length : buffer);
    memory_ = request.arena().make_bytes(capacity_).data();
    request.stream().start_body(request);
}

void RequestBody::stream_to(Request& request, Consumer& consumer) {
    consumer_ = &consumer;
    state_ = State::streaming;
    if (framing == Framing::none) {
        is_complete_ = true;
        consumer.on_body(request, {}, true);
        return;
    }
    request.stream().start_body(request);
}

void RequestBody::share(Arena& arena, const RequestBody& other) {
    framing = other.framing == Framing::none ? Framing::none : Framing::length;
    announced_length = other.chain_.size();
    chain_.add_copy(arena, other.chain_);
    memory_ = other.memory_;
    used_ = other.used_;
    file_path_ = other.file_path_;
    received = other.received;
    state_ = State::done;
    is_complete_ = true;
}

void RequestBody::discard() {
    if (state_ != State::done) state_ = State::discarding;
}

void RequestBody::hand_on() {
    if (state_ != State::untouched) discard();
}

void RequestBody::feed(Request& request, Text piece, bool is_last) {
    const auto size = static_cast<int64_t>(piece.size());
    if (framing == Framing::chunked && !has_room_for(request, size)) return;
    received += size;
    is_complete_ |= is_last;
    switch (state_) {
        case State::collecting:
            if (!piece.empty() && !keep(request, piece)) {
                fail(request, 500);
                return;
            }
            if (is_last) finish(request);
            break;
        case State::streaming: consumer_->on_body(request, piece, is_last); break;
        case State::untouched:
        case State::discarding:
        case State::failed:
        case State::done: break;
    }
}

bool RequestBody::has_room_for(Request& request, int64_t announced) {
    const int64_t limit = request.conf<LocationConf>().client_max_body_size->count;
    if (state_ == State::discarding || limit <= 0 || received + announced <= limit) return true;
    request.log().error(0, "client intended to send too large chunked body: ", received, "+", announced, " bytes");
    fail(request, 413);
    return false;
}

void RequestBody::fail(Request& request, uint16_t status) {
    const State before = state_;
    state_ = State::failed;
    request.keeps_alive = false;
    if (before == State::collecting) then_(request, status);
    if (before == State::streaming) consumer_->on_body_failed(request, status);
}

bool RequestBody::keep(Request& request, Text piece) {
    const bool in_file_only = *request.conf<LocationConf>().client_body_in_file_only != BodyInFileOnly::off;
    if (!in_file_only && !file_ && used_ + piece.size() <= capacity_) {
        std::memcpy(memory_ + used_, piece.data(), piece.size());
        used_ += piece.size();
        return true;
    }
    if (!file_ && !open_file(request)) return false;
    if (used_ != 0) {
        const Text kept{memory_, used_};
        used_ = 0;
        if (!spill(request, kept)) return false;
    }
    return spill(request, piece);
}

bool RequestBody::open_file(Request& request) {
    const auto& core = request.conf<LocationConf>();
    const bool stays = *core.client_body_in_file_only == BodyInFileOnly::on;
    Result<TempFile> made = open_temp_file(request.arena(), *core.client_body_temp_path, stays);
    if (!made) {
        request.log().write(LogLevel::crit, made.error().number, made.error().text);
        return false;
    }
    file_ = std::move(made->fd);
    file_path_ = made->path;
    const bool is_wanted = *core.client_body_in_file_only != BodyInFileOnly::off;
    request.log().write(is_wanted ? LogLevel::notice : LogLevel::warn, 0,
                        "a client request body is buffered to a temporary file ", file_path_);
    if (!stays) remove_at_end(request.arena(), file_path_);
    return true;
}

bool RequestBody::spill(Request& request, Text piece) {
    while (!piece.empty()) {
        const ssize_t count = ::write(file_.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            request.log().write(LogLevel::crit, errno, "write() \"", file_path_, "\" failed");
            return false;
        }
        file_size_ += count;
        piece.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

void RequestBody::finish(Request& request) {
    state_ = State::done;
    if (file_) {
        chain_.add_file(request.arena(), file_.get(), 0, file_size_);
    } else {
        chain_.add(request.arena(), {memory_, used_});
    }
    then_(request, 0);
}

Text RequestBody::in_memory() const {
    if (!file_path_.empty() || state_ != State::done) return {};
    return used_ != 0 ? Text{memory_, used_} : Text("");
}

}  // namespace sluice::http
