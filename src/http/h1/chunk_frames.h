// ChunkFrames: what stands around the chunks of a body on its way out (RFC 9112 §7.1). Frames are used again when
// they have left, so that a body without end takes no memory without end.
#pragma once

#include "core/base/arena.h"
#include "event/chain.h"
#include "http/h1/chunked.h"

namespace sluice::http::h1 {

class ChunkFrames {
 public:
    /// Makes one chunk of the bytes in `chain`, which is not empty; a frame that is missing is made in `arena`.
    void wrap(Arena& arena, event::Chain& chain);
    /// All that was wrapped has left.
    void release();

 private:
    struct Frame {
        ChunkSizeLine size_line;
        event::Buffer before;
        event::Buffer after;
        Frame* next = nullptr;
    };

    Frame* leaving_ = nullptr;
    Frame* spare_ = nullptr;
};

}  // namespace sluice::http::h1
