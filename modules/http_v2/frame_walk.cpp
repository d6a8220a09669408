// FrameWalk.
#include "frame_walk.h"

#include <algorithm>
#include <cstring>

namespace sluice::http2 {

namespace {

constexpr char kData = 0;
constexpr char kWindowUpdate = 8;
constexpr char kContinuation = 9;
constexpr uint32_t kLargestFrame = 16 * 1024;
constexpr size_t kTypeAt = 3;
constexpr size_t kStreamAt = 5;
constexpr size_t kSizeAt = 9;
constexpr uint32_t kIgnoredBit = 0x80000000U;

uint32_t number(const char* bytes, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8U | static_cast<uint8_t>(bytes[i]);
    return value;
}

bool is_update(const char* head) {
    return head[kTypeAt] == kWindowUpdate && number(head, 3) == 4;
}

/// The stream that this whole WINDOW_UPDATE gives nothing; 0: it is another one.
int32_t stream_of_nothing(const char* frame) {
    if ((number(frame + kSizeAt, 4) & ~kIgnoredBit) != 0) return 0;
    return static_cast<int32_t>(number(frame + kStreamAt, 4) & ~kIgnoredBit);
}

}  // namespace

void FrameWalk::enter_frame(const char* head) {
    left_ = number(head, 3);
    is_too_large_ |= head[kTypeAt] == kContinuation && left_ > kLargestFrame;
    passed_ += static_cast<int64_t>(kHeadSize + (head[kTypeAt] == kData ? 0 : left_));
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
    if (!gather(bytes, kHeadSize)) return {};
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
        if (rest.size() < kHeadSize || (is_update(rest.data()) && rest.size() < kUpdateSize)) {
            gather(bytes, rest.size());
            return {.passed = all.substr(0, at), .stream = 0, .update = {}};
        }
        enter_frame(rest.data());
        at += kHeadSize;
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
