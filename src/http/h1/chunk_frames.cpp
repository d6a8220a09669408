// ChunkFrames.
#include "http/h1/chunk_frames.h"

#include <utility>

namespace sluice::http::h1 {

namespace {

event::Buffer piece_of(Text text) {
    return {.begin = text.data(), .end = text.data() + text.size()};
}

}  // namespace

void ChunkFrames::wrap(Arena& arena, event::Chain& chain) {
    Frame& frame = spare_ != nullptr ? *spare_ : *arena.make<Frame>();
    spare_ = frame.next;
    frame.next = std::exchange(leaving_, &frame);
    frame.before = piece_of(write_chunk_size(frame.size_line, static_cast<uint64_t>(chain.size())));
    frame.after = piece_of(kChunkEnd);
    chain.prepend(frame.before);
    chain.append(frame.after);
}

void ChunkFrames::release() {
    while (leaving_ != nullptr) {
        Frame& frame = *leaving_;
        leaving_ = frame.next;
        frame.next = std::exchange(spare_, &frame);
    }
}

}  // namespace sluice::http::h1
