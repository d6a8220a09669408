// Stream: a WebSocket over HTTP/2 (RFC 8441). To the rest of the server it is a request that asks HTTP/1 to switch
// protocols, so that configurations made for that serve both; the 101 goes out as the 200 that HTTP/2 has for it.
#include <cstring>
#include <random>

#include <sluice/event/buffer_pool.h>
#include <sluice/sdk.h>

#include "session.h"
#include "stream.h"

namespace sluice::http2 {

using http::KnownHeader;
using http::Request;

namespace {

/// The nonce that HTTP/1 wants (RFC 6455 §4.1): 16 bytes in base64. Nobody but the upstream looks at it.
Text make_key(Arena& arena) {
    constexpr Text kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    constexpr size_t kWhole = 21;  // digits of six bits; the last one has two
    static std::minstd_rand random(std::random_device{}());
    const std::span<char> key = arena.make_bytes(24);
    for (size_t i = 0; i < kWhole; ++i) key[i] = kDigits[random() >> 8U & 63U];
    key[kWhole] = "AQgw"[random() >> 8U & 3U];
    key[22] = key[23] = '=';
    return {key.data(), key.size()};
}

}  // namespace

void Stream::begin_websocket() {
    is_extended_connect_ = true;
    Arena& arena = request_->arena();
    request_->method = http::Method::get;
    request_->method_name = http::name_of(http::Method::get);
    request_->headers.add(arena, KnownHeader::upgrade, "websocket");
    request_->headers.add(arena, KnownHeader::connection, "Upgrade");
    request_->headers.add(arena, KnownHeader::sec_websocket_key, make_key(arena));
    request_->headers.remove(KnownHeader::content_length);
}

// An answer of 2xx would mean that the tunnel stands (RFC 9113 §8.5), which only a 101 makes true.
void Stream::settle_tunnel_answer() {
    http::Response& response = request_->response;
    if (response.status == 101) {
        response.status = 200;
        response.status_line = {};
        response.content_length = http::Response::kUnknownLength;
        response.headers.remove(KnownHeader::sec_websocket_accept);
    } else if (response.status / 100 == 2) {
        request_->log().error(0, "no switch of protocols came of a WebSocket's CONNECT, but status ",
                              response.status);
        response.status = 502;
        response.status_line = {};
    }
}

void Stream::upgrade(Request&, http::Tunnel& tunnel) {
    tunnel_ = &tunnel;
    body_ = Body::wanted;
    body_timer_.disarm();
    session_.widen(*this);
    tunnel_held();
}

void Stream::tunnel_take(Text piece) {
    if (is_over_) return consume(piece.size());
    if (body_ == Body::paused || !held_.empty()) return hold(piece);
    // The bytes lie in the buffer that the session is reading.
    event::Received received(session_.current_buffer(), piece);
    tunnel_->on_client_received(received);
    consume(piece.size());
}

void Stream::pause_tunnel(Request&, bool paused) {
    if ((body_ == Body::paused) == paused) return;
    body_ = paused ? Body::paused : Body::wanted;
    if (!paused && !held_.empty()) session_.loop().defer(held_task_);
}

/// What came while the tunnel was full. It gets it in buffers of the pool, as if it came now.
void Stream::tunnel_held() {
    event::BufferPool& pool = session_.loop().buffers();
    size_t at = 0;
    while (at < held_.size() && body_ == Body::wanted && !is_over_) {
        const Text piece = Text(held_).substr(at, event::BufferPool::kSmallSize);
        at += piece.size();
        consume(piece.size());
        event::PoolBuffer* buffer = pool.take(event::BufferPool::Kind::small);
        if (buffer == nullptr) {
            tunnel_->on_client_ahead(piece);
            continue;
        }
        const event::BufferHold hold(*buffer);
        std::memcpy(buffer->data, piece.data(), piece.size());
        event::Received received(*buffer, {buffer->data, piece.size()});
        tunnel_->on_client_received(received);
    }
    held_.erase(0, at);
    if (held_.empty() && is_input_ended_ && !is_over_) tunnel_->on_client_closed(true);
}

}  // namespace sluice::http2
