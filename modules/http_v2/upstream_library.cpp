// The callbacks of a client's side. Within them nothing is sent or read by the library, and no stream is destroyed.
#include <cstdlib>

#include "frame_head.h"
#include "library.h"
#include "library_memory.h"
#include "upstream_session.h"
#include "upstream_stream.h"

namespace sluice::http2 {

namespace {

UpstreamSession& owner_of(void* user_data) {
    return *static_cast<UpstreamSession*>(user_data);
}

UpstreamStream* stream_of(nghttp2_session* session, int32_t id) {
    return static_cast<UpstreamStream*>(nghttp2_session_get_stream_user_data(session, id));
}

int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t flags, void*) {
    UpstreamStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr || stream->add_field(decoded(name, name_size, value, value_size, flags))) return 0;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// The library would leave such a field out; RFC 9113 §8.2.1 calls the whole message malformed.
int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags, void*) {
    if (UpstreamStream* stream = stream_of(session, frame->hd.stream_id))
        stream->refuse_field(decoded(name, name_size, value, value_size, flags));
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    if (head->type == NGHTTP2_SETTINGS) owner_of(user_data).begin_settings();
    return 0;
}

int on_frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    UpstreamStream* stream = frame->hd.stream_id != 0 ? stream_of(session, frame->hd.stream_id) : nullptr;
    switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
            if (stream != nullptr) stream->end_block(frame->hd.length + kFrameHeadSize, is_end);
            break;
        case NGHTTP2_DATA:
            if (stream != nullptr && is_end) stream->end_input();
            break;
        case NGHTTP2_RST_STREAM:
            if (stream != nullptr) stream->take_reset();
            break;
        case NGHTTP2_SETTINGS: owner_of(user_data).take_settings(); break;
        case NGHTTP2_GOAWAY: owner_of(user_data).take_goaway(frame->goaway.error_code); break;
        default: break;
    }
    return 0;
}

int on_data_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size, void*) {
    if (UpstreamStream* stream = stream_of(session, id)) {
        stream->take_body({reinterpret_cast<const char*>(data), size});
    } else {
        nghttp2_session_consume_connection(session, size);
    }
    return 0;
}

int on_stream_close(nghttp2_session* session, int32_t id, uint32_t error, void*) {
    if (UpstreamStream* stream = stream_of(session, id)) stream->on_closed(error);
    return 0;
}

int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type == NGHTTP2_GOAWAY) owner_of(user_data).on_goaway_sent(frame->goaway.error_code);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (UpstreamStream* stream = stream_of(session, frame->hd.stream_id)) stream->on_frame_sent(frame->hd);
    return 0;
}

int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        owner_of(user_data).give_up_unsent(frame->hd.stream_id);
    return 0;
}

int on_library_error(nghttp2_session*, int, const char* what, size_t size, void* user_data) {
    owner_of(user_data).report_error({what, size});
    return 0;
}

struct Setup : LibrarySetup {
    Setup() {
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
        nghttp2_session_callbacks_set_error_callback2(callbacks, on_library_error);
    }
};

}  // namespace

Library make_upstream_library(UpstreamSession& owner, LibraryMemory& memory) {
    static const Setup setup;
    nghttp2_session* made = nullptr;
    nghttp2_mem functions = functions_of(memory);
    if (nghttp2_session_client_new3(&made, setup.callbacks, &owner, setup.options, &functions) != 0) std::abort();
    memory.seal();
    return Library(made);
}

}  // namespace sluice::http2
