// WindowCheck: SETTINGS that make the window of a stream larger than any may be are an error of the connection
// (RFC 9113 §6.9.2); the library makes one of the stream of it.
#pragma once

#include <algorithm>
#include <cstdint>

#include <nghttp2/nghttp2.h>

namespace sluice::http2 {

class WindowCheck {
 public:
    /// Before the library applies what has come.
    template <class Streams>
    void begin(nghttp2_session& library, Streams& streams) {
        widest_ = 0;
        for (auto& stream : streams)
            widest_ =
                std::max<int64_t>(widest_, nghttp2_session_get_stream_remote_window_size(&library, stream.id()));
        initial_ = initial_of(library);
    }
    /// And behind that.
    bool has_overflown(nghttp2_session& library) const {
        const int64_t grown = int64_t{initial_of(library)} - initial_;
        return grown > 0 && widest_ + grown > INT32_MAX;
    }

 private:
    static uint32_t initial_of(nghttp2_session& library) {
        return nghttp2_session_get_remote_settings(&library, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    }

    int64_t widest_ = 0;    ///< of the peer's windows for streams
    uint32_t initial_ = 0;  ///< what a stream began with
};

}  // namespace sluice::http2
