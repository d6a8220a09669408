// What sessions of both sides have in common.
#include <cstdlib>

#include "library.h"

namespace sluice::http2 {

/// Windows open as bytes are taken, and a stream that has closed costs nothing.
LibrarySetup::LibrarySetup() {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0) std::abort();
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
}

LibrarySetup::~LibrarySetup() {
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
}

Text text_of(nghttp2_rcbuf* buffer) {
    const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace sluice::http2
