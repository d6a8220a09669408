// The callbacks. Within them nothing is sent or read, and no stream is destroyed.
#include "library.h"

#include <cstdlib>

#include <sluice/core/base/text.h>

#include "frame_head.h"
#include "library_memory.h"
#include "output.h"
#include "session.h"
#include "stream.h"

namespace sluice::http2 {

namespace {

Session& owner_of(void* user_data) {
    return *static_cast<Session*>(user_data);
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    Session& owner = owner_of(user_data);
    owner.count_frame(*head, owner.find_stream(head->stream_id));
    return 0;
}

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    return owner_of(user_data).begin_head(*frame) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t flags, void* user_data) {
    Session& owner = owner_of(user_data);
    Stream* stream = owner.find_stream(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const Decoded field = decoded(name, name_size, value, value_size, flags);
    switch (stream->add_field(field, frame->headers.cat != NGHTTP2_HCAT_REQUEST)) {
        case RequestHead::Outcome::taken: return 0;
        case RequestHead::Outcome::flood: owner.refuse_connection(NGHTTP2_ENHANCE_YOUR_CALM); return 0;
        case RequestHead::Outcome::invalid: owner.report_invalid_field(*stream, field); break;
        case RequestHead::Outcome::malformed: break;
    }
    owner.reset(*stream, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& owner = owner_of(user_data);
    owner.take_frame(*frame, owner.find_stream(frame->hd.stream_id));
    return 0;
}

int on_data_chunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user_data) {
    Session& owner = owner_of(user_data);
    if (Stream* stream = owner.find_stream(id)) {
        owner.count_body(size);
        stream->take_body({reinterpret_cast<const char*>(data), size});
    } else {
        owner.consume_ownerless(id, size);
    }
    return 0;
}

int on_stream_close(nghttp2_session*, int32_t id, uint32_t error, void* user_data) {
    Session& owner = owner_of(user_data);
    Stream* stream = owner.find_stream(id);
    if (stream == nullptr) return 0;
    owner.forget(*stream);
    stream->on_closed(error);
    return 0;
}

int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& owner = owner_of(user_data);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        owner.on_reset_sent(owner.find_stream(frame->hd.stream_id), frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_GOAWAY) owner.on_goaway_sent();
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Stream* const stream = owner.find_stream(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool is_section = frame->hd.type == NGHTTP2_HEADERS;
    const size_t size = is_section ? owner.write_section(FrameHead::of(frame->hd), *stream) : frame->hd.length;
    stream->on_frame_sent(frame->hd, size);
    return 0;
}

int send_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size, nghttp2_data_source* source,
              void* user_data) {
    Session& owner = owner_of(user_data);
    Output& output = owner.output();
    Stream& stream = *static_cast<Stream*>(source->ptr);
    // The library goes from frame to frame by itself; it asks again for this one.
    if (output.is_full()) return NGHTTP2_ERR_WOULDBLOCK;
    if (!stream.has_output(size))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // it was given up since it offered this
    output.add({reinterpret_cast<const char*>(head), kFrameHeadSize});
    stream.write(output, size);
    owner.count_data_sent(frame->hd.stream_id, size);
    return 0;
}

ssize_t choose_data_size(nghttp2_session*, uint8_t, int32_t id, int32_t connection_window, int32_t stream_window,
                         uint32_t largest_frame, void* user_data) {
    Session& owner = owner_of(user_data);
    return owner.data_size(owner.find_stream(id), connection_window, stream_window, largest_frame);
}

int on_library_error(nghttp2_session*, int, const char* what, size_t size, void* user_data) {
    owner_of(user_data).report_error({what, size});
    return 0;
}

struct Setup : LibrarySetup {
    Setup() {
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
        nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
        nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, choose_data_size);
        nghttp2_session_callbacks_set_error_callback2(callbacks, on_library_error);
        // What makes a request malformed is for RequestHead to know, which sees each field anyway.
        nghttp2_option_set_no_http_messaging(options, 1);
        nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
        // Resets are FloodGate's business; the library would call its own limit an internal error.
        nghttp2_option_set_stream_reset_rate_limit(options, UINT32_MAX, UINT32_MAX);
    }
};

}  // namespace

Library make_library(Session& owner, LibraryMemory& memory) {
    static const Setup setup;
    nghttp2_session* made = nullptr;
    nghttp2_mem functions = functions_of(memory);
    if (nghttp2_session_server_new3(&made, setup.callbacks, &owner, setup.options, &functions) != 0) std::abort();
    memory.seal();
    return Library(made);
}

}  // namespace sluice::http2
