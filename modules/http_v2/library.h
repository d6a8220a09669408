// nghttp2, which does the framing and reads HPACK: how a session of it is made, and its callbacks as calls of ours.
#pragma once

#include <memory>

#include <nghttp2/nghttp2.h>
#include <sluice/core/base/text.h>

namespace sluice::http2 {

class LibraryMemory;
class Session;
class UpstreamSession;

struct LibraryDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
using Library = std::unique_ptr<nghttp2_session, LibraryDeleter>;

/// Callbacks and options that all sessions of a kind have in common.
class LibrarySetup {
 public:
    LibrarySetup();
    LibrarySetup(const LibrarySetup&) = delete;
    ~LibrarySetup();

    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* options = nullptr;
};
/// How a session is to allocate from `memory`.
nghttp2_mem functions_of(LibraryMemory& memory);

/// A field that HPACK has decoded; valid within the callback.
struct Decoded {
    Text name;
    Text value;
    bool is_never_indexed = false;  ///< no table may hold it, ours or one behind us (RFC 7541 §7.1.3)
};
inline Decoded decoded(const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size,
                       uint8_t flags) {
    return {{reinterpret_cast<const char*>(name), name_size},
            {reinterpret_cast<const char*>(value), value_size},
            (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0};
}

/// A server's side of a connection; its callbacks go to `owner`, its memory comes from `memory`; both outlive it.
/// Never null: out of memory aborts the process.
Library make_library(Session& owner, LibraryMemory& memory);
/// A client's side, alike.
Library make_upstream_library(UpstreamSession& owner, LibraryMemory& memory);

}  // namespace sluice::http2
