// FrameWalk.
#include "frame_walk.h"

#include <algorithm>
#include <cstring>

#include "frame_head.h"

namespace sluice::http2 {

namespace {

constexpr uint32_t kIgnoredBit = 0x80000000U;

bool is_update(const char* bytes) {
    const FrameHead head = FrameHead::read(bytes);
    return head.type == NGHTTP2_WINDOW_UPDATE && head.length == 4;
}

/// The stream that this whole WINDOW_UPDATE gives nothing; 0: it is another one.
int32_t stream_of_nothing(const char* frame) {
    if ((FrameHead::read_number(frame + kFrameHeadSize) & ~kIgnoredBit) != 0) return 0;
    return static_cast<int32_t>(static_cast<uint32_t>(FrameHead::read(frame).stream) & ~kIgnoredBit);
}

}  // namespace

void FrameWalk::enter_frame(const char* bytes) {
    const FrameHead head = FrameHead::read(bytes);
    left_ = head.length;
    is_too_large_ |= head.type == NGHTTP2_CONTINUATION && left_ > kLargestPayload;
    passed_ += int64_t{kFrameHeadSize} + (head.type == NGHTTP2_DATA ? 0 : left_);
}

/// Keeps bytes until there are `size` of them; false: more has to come.
bool FrameWalk::gather(Text& bytes, size_t size) {
    const size_t taken = std::min(size - std::min(size, kept_size_), bytes.size());
    std::memcpy(kept_.data() + kept_size_, bytes.data(), taken);
    kept_size_ += taken;
    bytes.remove_prefix(taken);
    return kept_size_ >= size;
}

/// A frame whose beginning is kept.
FrameWalk::Step FrameWalk::finish_kept(Text& bytes) {
    if (!gather(bytes, kFrameHeadSize)) return {};
    if (is_update(kept_.data()) && !gather(bytes, kUpdateSize)) return {};
    const Text all(kept_.data(), std::exchange(kept_size_, 0));
    enter_frame(all.data());
    if (all.size() != kUpdateSize) return {.passed = all, .stream = 0, .update = {}};
    left_ = 0;
    if (const int32_t stream = stream_of_nothing(all.data()); stream != 0)
        return {.passed = {}, .stream = stream, .update = all};
    return {.passed = all, .stream = 0, .update = {}};
}

FrameWalk::Step FrameWalk::next(Text& bytes) {
    if (kept_size_ != 0) return finish_kept(bytes);
    const Text all = bytes;
    for (size_t at = 0;;) {
        const size_t skipped = std::min<size_t>(left_, all.size() - at);
        at += skipped;
        left_ -= static_cast<uint32_t>(skipped);
        const Text rest = all.substr(at);
        bytes = rest;
        if (rest.size() < kFrameHeadSize || (is_update(rest.data()) && rest.size() < kUpdateSize)) {
            gather(bytes, rest.size());
            return {.passed = all.substr(0, at), .stream = 0, .update = {}};
        }
        enter_frame(rest.data());
        at += kFrameHeadSize;
        if (!is_update(rest.data())) continue;
        const int32_t stream = stream_of_nothing(rest.data());
        if (stream == 0) continue;
        left_ = 0;
        bytes.remove_prefix(kUpdateSize);
        return {.passed = all.substr(0, rest.begin() - all.begin()),
                .stream = stream,
                .update = rest.substr(0, kUpdateSize)};
    }
}

}  // namespace sluice::http2
