// nghttp2, which does the framing and HPACK: how a session of it is made, and its callbacks as calls of ours.
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
/// What HPACK has decoded; valid within the callback.
Text text_of(nghttp2_rcbuf* buffer);

/// A server's side of a connection; its callbacks go to `owner`, its memory comes from `memory`; both outlive it.
/// Never null: out of memory aborts the process.
Library make_library(Session& owner, LibraryMemory& memory);
/// A client's side, with the usual memory.
Library make_upstream_library(UpstreamSession& owner);

}  // namespace sluice::http2
