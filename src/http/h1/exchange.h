// h1::Exchange: what a session needs while a request is read and answered. Made in the session's arena with the first
// byte, gone with the last: an idle connection pays for none of it.
#pragma once

#include <cstdint>

#include "event/chain.h"
#include "event/progress.h"
#include "event/timer.h"
#include "http/h1/body_reader.h"
#include "http/h1/chunk_frames.h"
#include "http/h1/head.h"
#include "http/rate_limit.h"
#include "http/request.h"
#include "http/request_start.h"

namespace sluice::http::h1 {

class Session;

/// The request target until the URI is settled; the texts point into the head's buffers.
struct Target {
    RequestTarget parts;
    Text host;
    Text port;
    TargetForm form = TargetForm::origin;
};

struct Exchange {
    Exchange(Arena& arena, ServerConnection& connection, Session& session);

    /// Bytes of the head's buffer that are complete lines of the request; before its first one there are none.
    uint32_t complete_lines() const { return head.is_in_first_line() ? 0 : head.element_begin(); }

    Request request;

    // Reading
    char* head_buffer = nullptr;
    uint32_t head_capacity = 0;
    uint32_t head_size = 0;
    uint16_t large_buffers = 0;  ///< taken for this head
    uint16_t header_count = 0;
    RequestHeadParser head;
    BodyReader body;
    Target target;
    bool is_body_paused = false;  ///< the body's consumer is full
    bool wants_body = false;      ///< the request takes body bytes
    bool expects_continue = false;
    bool is_end_known = false;  ///< where the message ends; not where its head was refused before it said so

    // Writing
    event::Chain held;  ///< output that limit_rate holds back
    event::Buffer cut;  ///< the last piece of what it let go
    ChunkFrames frames;
    event::Timer send_timer;
    event::Timer rate_timer;
    RateLimit rate_limit;
    event::Progress sending;  ///< bytes_sent(), while the send timer is armed
    int64_t sent_before = 0;  ///< user_bytes_sent() of the connection when the exchange began
    Tunnel* tunnel = nullptr;
    bool client_ends = false;  ///< it has said that this request is its last
    bool is_chunked = false;   ///< the response travels in chunks
    bool keeps_alive = false;  ///< as the response said
};

}  // namespace sluice::http::h1
