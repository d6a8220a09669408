// Exchange: the answer: its head, then its body on the way to the client.
#include <algorithm>
#include <cerrno>

#include "event/buffer_pool.h"
#include "event/loop.h"
#include "http/conf/tree.h"
#include "http/server_connection.h"
#include "http/upstream/exchange.h"
#include "http/upstream/loggable.h"
#include "http/uri/normalize.h"
#include "http/worker.h"

namespace sluice::http::upstream {

namespace {

/// Buffers of the pool that one answer may hold while its client is slow.
constexpr uint32_t kMostBuffers = 8;
/// From this length on a body is read into large buffers.
constexpr int64_t kBulkFrom = 16384;
/// What is read of it at once: a buffer.
constexpr int64_t kLeastAtOnce = event::BufferPool::kSmallSize;
constexpr int64_t kMostAtOnce = event::BufferPool::kBulkSize;
/// Where it is not known what a client has room for: windows say it, or another request does.
constexpr int64_t kMostUnknown = 65536;

Failure failure_of(uint16_t status) {
    switch (status) {
        case 500: return Failure::http_500;
        case 502: return Failure::http_502;
        case 503: return Failure::http_503;
        case 504: return Failure::http_504;
        case 403: return Failure::http_403;
        case 404: return Failure::http_404;
        case 429: return Failure::http_429;
        default: return Failure::http_other;
    }
}

}  // namespace

void Exchange::take_head(event::Received& received) {
    Text bytes = received.bytes();
    if (state_ == State::reading_head) arm_timer();
    switch (protocol_.read_head(*this, bytes)) {
        case HeadState::more: break;
        case HeadState::invalid: fail(Failure::invalid_header); break;
        case HeadState::done: on_head(received, bytes); break;
    }
}

void Exchange::close_in_head() {
    if (is_stale()) return reconnect();
    request_.log().error(0, "upstream prematurely closed connection");
    fail(Failure::error);
}

void Exchange::on_head(event::Received& received, Text rest) {
    SLUICE_LOG_DEBUG(request_.log(), "upstream: status ", answer.status, ", content length: ", answer.content_length);
    try_->status = answer.status;
    try_->header_time = (request_.connection().loop().now() - try_->started).count;
    const Failure failure = failure_of(answer.status);
    if (failure != Failure::http_other && selection_->tries_left() > 1 &&
        may_try_again(failure, selection_->tries_left() - 1))
        return fail(failure);
    if (is_upgrade) return begin_tunnel(received, rest);
    if (is_answered_otherwise()) return;
    begin_relay(received, rest);
}

/// An error page instead of the answer, or another location's content.
bool Exchange::is_answered_otherwise() {
    if (intercepts()) {
        const uint16_t status = answer.status;
        if (status == 401) {
            if (const Field* field = answer.headers.find(KnownHeader::www_authenticate))
                request_.response.headers.set(arena(), KnownHeader::www_authenticate, field->value);
        }
        end_with(status);
        return true;
    }
    return follows_redirect();
}

bool Exchange::intercepts() const {
    if (!*conf_.intercept_errors || answer.status < 300) return false;
    for (const ErrorPage& page : *request_.conf<LocationConf>().error_pages)
        if (page.status == answer.status) return true;
    return false;
}

bool Exchange::follows_redirect() {
    if (conf_.ignore_headers->has(IgnoredHeader::x_accel_redirect)) return false;
    const Field* const field = answer.headers.find(KnownHeader::x_accel_redirect);
    if (field == nullptr) return false;
    const Text target = field->value;
    pass_kept_fields(*this);
    abandon();
    if (target.starts_with('@')) {
        if (request_.server().find_named(target) != nullptr) request_.set_action({});
        request_.redirect_to_named(target);
        return true;
    }
    const uri::UnsafeUri split = uri::split_unsafe_uri(target, arena().make_bytes(target.size()));
    if (!split.is_safe) {
        request_.log().error(0, "unsafe URI \"", loggable(arena(), target), "\" was detected");
        request_.set_action({});
        request_.finish(404);
        return true;
    }
    if (request_.method != Method::head) {
        request_.method = Method::get;
        request_.method_name = "GET";
    }
    request_.set_action({});
    request_.redirect_internally(arena().copy(split.path), split.args);
    return true;
}

void Exchange::begin_relay(event::Received& received, Text rest) {
    if (destination_.sessions == nullptr) sends_.end();
    enter(State::relaying);
    pass_answer(*this);
    if (!request_.send_header()) return abandon();
    request_.set_source(this);
    is_head_unsent_ = true;
    if (request_.response.is_header_only && !answer.has_no_body && answer.content_length != 0) {
        // A filter has answered without a body, or a subrequest asks for no more than the head: nobody wants the
        // rest.
        end_try(balance::Outcome::ok, false);
        is_complete_ = true;
        enter(State::ended);
        return flush();
    }
    const int64_t left = answer.content_length - static_cast<int64_t>(rest.size());
    if (answer.content_length < 0 || left > kBulkFrom) channel_->expect_bulk();
    if (!conf_.limit_rate->is_zero()) {
        // As with nginx, only where answers are buffered.
        rate_limit_ = is_buffered ? conf_.limit_rate->evaluate(request_).count : 0;
        channel_->limit_receiving(0);
    }
    relay(received, rest);
}

void Exchange::take_body(event::Received& received) {
    arm_timer();
    SLUICE_LOG_DEBUG(request_.log(), "upstream: received ", received.bytes().size(), " bytes");
    relay(received, received.bytes());
}

void Exchange::relay(event::Received& received, Text bytes) {
    Text piece;
    // As with nginx, framing counts, and what is too much.
    if (!answer.has_no_body) try_->response_length += static_cast<int64_t>(bytes.size());
    for (;;) {
        const BodyState state = protocol_.read_body(*this, bytes, piece);
        if (state == BodyState::data) {
            to_client_.add(received, piece);
            continue;
        }
        if (state == BodyState::invalid) return break_answer();
        if (state == BodyState::done) {
            const bool has_more = !bytes.empty();
            if (has_more) warn_of_more();
            return on_answer_complete(!has_more);
        }
        break;
    }
    flush();
    if (state_ == State::relaying) limit_memory();
    limit_reading();
    if (state_ == State::relaying && rate_limit_ > 0) limit_rate();
}

/// As nginx does, which does not mind the body of an answer to HEAD.
void Exchange::warn_of_more() const {
    const bool has_none = answer.status == 204 || answer.status == 304;
    if (answer.has_no_body && !has_none) return;
    request_.log().warn(0, has_none || answer.content_length >= 0
                               ? "upstream sent more data than specified in \"Content-Length\" header"
                               : "upstream sent data after final chunk");
}

void Exchange::add_trailer(const Field& field) {
    try_->trailers.add(arena(), field);
    if (is_allowed_in_trailers(field.known) && !conf_.hidden->has(field))
        request_.response.trailers.add(arena(), field);
}

void Exchange::on_answer_complete(bool keeps) {
    end_try(balance::Outcome::ok, keeps && is_request_sent_ && protocol_.can_keep());
    is_complete_ = true;
    enter(State::ended);
    flush();
}

void Exchange::close_in_body() {
    if (protocol_.ends_at_close() && !is_truncated()) return on_answer_complete(false);
    request_.log().error(0, "upstream prematurely closed connection");
    break_answer();
}

// What has come goes to the client, and then its connection ends without the end of the message. As with nginx, only
// what fails up to the end of the head is an unsuccessful attempt to `max_fails`.
void Exchange::break_answer() {
    end_try(balance::Outcome::ok, false);
    is_broken_ = true;
    enter(State::ended);
    flush();
}

/// A few bytes wait for what else has come: until the turn's end, and no longer, since nobody knows when more will
/// come. They wait in the buffers they came in, of which they must not hold many.
bool Exchange::gathers() const {
    if (!is_buffered || is_complete_ || is_broken_ || to_client_.is_empty() || to_client_.file_size() > 0)
        return false;
    return to_client_.in_memory() < request_.conf<LocationConf>().postpone_output->count &&
           to_client_.buffers() < kMostBuffers;
}

void Exchange::flush() {
    if (is_output_pending_ || to_client_.is_writing() || request_.is_finished()) return;
    if (gathers()) return request_.connection().loop().defer(flush_task_);
    output_waiting();
}

void Exchange::flush_gathered() {
    if (is_output_pending_ || to_client_.is_writing() || request_.is_finished() || to_client_.is_empty()) return;
    output_waiting();
}

void Exchange::output_waiting() {
    // The head alone leaves where nobody waits for the first byte of the body, or none will come.
    const bool is_head_due = is_head_unsent_ && (!is_buffered || is_broken_);
    if (!to_client_.is_empty() || is_complete_ || is_head_due) {
        is_head_unsent_ = false;
        event::Chain chain = to_client_.take();
        switch (request_.output(chain, is_complete_)) {
            case OutputState::sent: to_client_.release(); break;
            case OutputState::pending: is_output_pending_ = true; break;
            case OutputState::failed: return abandon();
        }
        name_action();
    }
    if (is_complete_) {
        request_.finish(0);
    } else if (is_broken_ && !is_output_pending_) {
        request_.finish(502);
    }
}

void Exchange::pull(Request&) {
    is_output_pending_ = false;
    to_client_.release();
    flush();
    receive_more();
}

void Exchange::receive_more() {
    if (state_ != State::relaying || is_rate_limited_ || is_output_pending_ || to_client_.is_writing()) return;
    if (!channel_->is_paused()) return;
    arm_timer();
    limit_reading();
    channel_->resume();
}

/// `aio_write`: a part of the answer lies in the file now.
void Exchange::on_spilled() {
    const Result<void> written = to_client_.end_writing();
    if (request_.is_finished()) return;
    if (!written) return fail_spill(written.error());
    flush();
    if (state_ != State::relaying || is_rate_limited_) return;
    arm_timer();
    channel_->resume();
}

void Exchange::fail_spill(const Error& error) {
    request_.log().write(LogLevel::crit, error.number, error.text);
    if (state_ == State::relaying) return break_answer();
    // The rest has come, and is lost.
    is_complete_ = false;
    is_broken_ = true;
    flush();
}

/// What waits in memory goes to the file; in a thread, the upstream waits for it.
void Exchange::spill() {
    const auto& core = request_.conf<LocationConf>();
    event::ThreadPool* pool = nullptr;
    if (*core.aio_write && core.aio->way == Aio::threads)
        pool = request_.connection().worker().find_thread_pool(request_, core.aio->pool.evaluate(request_));
    Result<Text> path = Text{};
    if (pool != nullptr) {
        const SpillThreads threads{request_.connection().loop(), *pool, event::Task::call<&Exchange::on_spilled>,
                                   this};
        path = to_client_.spill(*conf_.temp_path, &threads);
    } else {
        path = to_client_.spill(*conf_.temp_path, nullptr);
    }
    if (!path) return fail_spill(path.error());
    if (!path->empty()) request_.log().warn(0, "an upstream response is buffered to a temporary file ", *path);
    if (to_client_.is_writing()) stop_receiving();
}

void Exchange::stop_receiving() {
    timer_.disarm();
    channel_->pause();
}

// The client is slower than the upstream: memory is limited, then a file, then the upstream has to wait.
void Exchange::limit_memory() {
    if (!is_output_pending_) return;
    const bool is_full =
        !is_buffered || to_client_.held() >= conf_.memory_limit || to_client_.buffers() >= kMostBuffers;
    if (!is_full) return;
    if (!may_spill()) return stop_receiving();
    if (to_client_.in_memory() > 0) spill();
}

bool Exchange::may_spill() const {
    return is_buffered && to_client_.file_size() < conf_.max_temp_file_size->count;
}

/// A body that comes in large buffers would pin one of them for each client that does not take it: so no more is read
/// at once than the client has room for or, where it has none, than may wait in memory. What goes to the file next
/// waits nowhere. And with a rate half a second's worth is read at a time, so that it keeps the pace. (The frames of
/// HTTP/2 are small, and have a window.)
void Exchange::limit_reading() {
    if (state_ != State::relaying) return;
    int64_t most = kMostAtOnce;
    const bool is_bulk = destination_.sessions == nullptr &&
                         (answer.content_length < 0 || answer.content_length - try_->response_length > kBulkFrom);
    if (is_bulk && !is_output_pending_) {
        const bool is_alone = request_.is_main() && request_.version < kHttp2;
        // The kernel counts its own overhead, which may be as much again.
        most = is_alone ? request_.connection().transport().send_room() / 2 : kMostUnknown;
    } else if (is_bulk && !may_spill()) {
        most = conf_.memory_limit - to_client_.held();
    }
    most = std::max<int64_t>(most, kLeastAtOnce);
    if (rate_limit_ > 0) most = std::clamp<int64_t>(rate_limit_ / 2, 1, most);
    if (is_bulk || rate_limit_ > 0) channel_->limit_receiving(most < kMostAtOnce ? static_cast<uint32_t>(most) : 0);
}

/// As many bytes as have come may have come at this rate when their time is over; until then nothing more is read.
void Exchange::limit_rate() {
    event::Loop& loop = request_.connection().loop();
    const Msec due = try_->started + Msec{try_->bytes_received * 1000 / rate_limit_};
    is_rate_limited_ = due > loop.now();
    if (is_rate_limited_) {
        SLUICE_LOG_DEBUG(request_.log(), "upstream: rate timer: ", (due - loop.now()).count);
        channel_->pause();
        timer_.arm(loop, due - loop.now());
        return;
    }
    arm_timer();
    if (!is_output_pending_ && !to_client_.is_writing()) channel_->resume();
}

}  // namespace sluice::http::upstream
