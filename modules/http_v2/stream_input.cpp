// Stream: the request's head becomes a request, its body is handed on as the handler wants it. Windows open only for
// what was taken (RFC 9113 §5.2): a handler that is slow slows the client.
#include <algorithm>

#include <sluice/http/fields/token.h>
#include <sluice/http/request_start.h>
#include <sluice/sdk.h>

#include "conf.h"
#include "priority.h"
#include "session.h"
#include "stream.h"

namespace sluice::http2 {

using http::Request;
using http::RequestBody;

RequestHead::Outcome Stream::add_field(const Decoded& field, bool is_trailer) {
    return is_trailer ? head_.add_trailer(*request_, field) : head_.add(*request_, field);
}

void Stream::count_head(size_t size) {
    request_->head_length += static_cast<int64_t>(size);
}

void Stream::refuse(uint16_t status) {
    request_->finish(status);
}

bool Stream::begin(bool is_ended) {
    if (head_.complete(*request_, is_ended) == RequestHead::Outcome::malformed) return false;
    if (head_.is_too_large() || head_.has_too_many()) {
        has_begun_ = true;
        is_input_ended_ = is_ended;
        request_->begin_answer();
        refuse(head_.is_too_large() ? http::kStatusHeaderTooLarge : uint16_t{400});
        return true;
    }
    prioritize();
    const std::optional<http::Authority> authority = http::parse_authority(head_.authority());
    if (!authority) {
        request_->log().info("client sent invalid host header");
        return false;
    }
    has_begun_ = true;
    request_->begin_answer();
    http::choose_server(*request_, authority);
    if (settle_head() && settle_body(is_ended)) {
        request_->set_action({});
        if (const uint16_t status = http::start_phases(*request_); status != 0) refuse(status);
    }
    return true;
}

bool Stream::settle_head() {
    const Text method = request_->method_name;
    if (request_->method == http::Method::unknown &&
        !std::all_of(method.begin(), method.end(), http::is_method_byte)) {
        request_->log().info("client sent invalid method: \"", method, "\"");
        refuse(400);
        return false;
    }
    if (!head_.protocol().empty()) {
        if (head_.protocol() != "websocket") {
            // RFC 8441 §4 names no status; RFC 9220 does.
            request_->log().info("client sent CONNECT for unknown protocol \"", head_.protocol(), "\"");
            refuse(501);
            return false;
        }
        begin_websocket();
    } else if (request_->method != http::Method::connect && !head_.path().starts_with('/')) {
        // As nginx: nothing here is asked of the server as a whole (OPTIONS *, RFC 9110 §9.3.7).
        request_->log().info("client sent invalid request");
        refuse(400);
        return false;
    }
    const auto refusal = http::settle_target(*request_, http::split_target(head_.path()));
    if (!refusal) return true;
    request_->log().info(refusal->text);
    refuse(refusal->status);
    return false;
}

bool Stream::settle_body(bool is_ended) {
    RequestBody& body = request_->body;
    is_input_ended_ = is_ended;
    if (is_extended_connect_ || is_ended) {
        body.framing = RequestBody::Framing::none;
    } else if (head_.length() >= 0) {
        body.announced_length = head_.length();
        body.framing = body.announced_length != 0 ? RequestBody::Framing::length : RequestBody::Framing::none;
    } else {
        body.framing = RequestBody::Framing::chunked;
    }
    const http::Expectation expectation = http::expectation_of(*request_);
    expects_continue_ = expectation == http::Expectation::continue_100;
    if (expectation != http::Expectation::unknown) return true;
    refuse(417);
    return false;
}

/// RFC 9113 §8.1.1. Nobody may take what has come for the whole, so nothing more is handed on.
void Stream::refuse_length() {
    request_->log().info("client sent a body that does not have its \"Content-Length\"");
    session_.reset(*this, NGHTTP2_PROTOCOL_ERROR);
}

/// The library's callbacks are on the stack: what a handler sends is gathered and leaves later.
void Stream::take_body(Text piece) {
    body_size_ += static_cast<int64_t>(piece.size());
    if (head_.length() >= 0 && body_size_ > head_.length()) {
        refuse_length();
        return consume(piece.size());
    }
    if (tunnel_ != nullptr) return tunnel_take(piece);
    if (is_over_ || has_ended_ || body_ == Body::dropped || request_->body.is_discarded()) {
        consume(piece.size());
        return;
    }
    if (body_ != Body::wanted || !held_.empty()) return hold(piece);
    feed(piece);
}

void Stream::feed(Text piece) {
    request_->body.feed(*request_, piece, false);
    consume(piece.size());
    if (body_ == Body::wanted && !is_over_)
        body_timer_.arm(session_.loop(), *request_->conf<http::LocationConf>().client_body_timeout);
}

void Stream::hold(Text piece) {
    held_.append(piece);
}

void Stream::prioritize() {
    // A PRIORITY_UPDATE that has come before the head overrides the field (RFC 9218 §7).
    if (const auto early = session_.early_urgency(id_)) return set_urgency(*early);
    if (request_->headers.find(http::KnownHeader::priority) == nullptr) return;
    nghttp2_extpri priority{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 0};
    // Several lines are one dictionary, and what is wrong in one is wrong in all.
    for (const http::Field& field : request_->headers)
        if (field.known == http::KnownHeader::priority && !read_priority(field.value, priority)) return;
    nghttp2_session_change_extpri_stream_priority(&session_.library(), id_, &priority, 0);
    set_urgency(static_cast<uint8_t>(priority.urgency));
}

void Stream::consume(size_t size) {
    if (size != 0) session_.consume(*this, size);
}

void Stream::drop_input() {
    consume(held_.size());
    held_.clear();
    if (!is_over_) return;
    body_ = Body::dropped;
}

void Stream::end_input() {
    if (head_.length() >= 0 && body_size_ != head_.length()) return refuse_length();
    is_input_ended_ = true;
    if (is_over_) return;
    if (tunnel_ != nullptr) {
        if (held_.empty()) tunnel_->on_client_closed(true);
        return;
    }
    if (body_ != Body::wanted || !held_.empty()) return;
    body_timer_.disarm();
    request_->body.feed(*request_, {}, true);
}

void Stream::start_body(Request& request) {
    body_ = Body::wanted;
    feed_held();
    if (is_over_ || body_ != Body::wanted) return;
    if (is_input_ended_) {
        request.body.feed(request, {}, true);
        return;
    }
    // Its client went when nobody wanted the body yet, and that is not told again.
    if (is_closed_ || session_.has_lost_client()) return lose_body();
    if (expects_continue_ && request.body.received == 0) send_interim(request, 100, {});
    expects_continue_ = false;
    session_.widen(*this);
    body_timer_.arm(session_.loop(), *request.conf<http::LocationConf>().client_body_timeout);
}

/// Pieces of what waits, until the handler is full again.
void Stream::feed_held() {
    constexpr size_t kPiece = 16 * 1024;
    size_t at = 0;
    while (at < held_.size() && body_ == Body::wanted && !is_over_) {
        const Text piece = Text(held_).substr(at, kPiece);
        at += piece.size();
        feed(piece);
    }
    held_.erase(0, at);
}

void Stream::pause_body(Request&) {
    body_ = Body::paused;
    body_timer_.disarm();
}

void Stream::resume_body(Request& request) {
    if (body_ == Body::paused) start_body(request);
}

void Stream::on_body_timer() {
    if (is_over_ || is_input_ended_) return;
    request_->log().write(LogLevel::info, ETIMEDOUT, "client timed out");
    request_->body.fail(*request_, 408);
}

}  // namespace sluice::http2
