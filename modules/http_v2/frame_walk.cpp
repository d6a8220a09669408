// FrameWalk.
#include "frame_walk.h"

#include <algorithm>
#include <cstring>

namespace sluice::http2 {

namespace {

constexpr uint8_t kData = 0;
constexpr uint8_t kWindowUpdate = 8;

uint32_t number(const uint8_t* bytes, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8U | bytes[i];
    return value;
}

}  // namespace

/// True when all of the head is there.
bool FrameWalk::gather_head(Text bytes, size_t& at) {
    const size_t taken = std::min(kHeadSize - gathered_, bytes.size() - at);
    std::memcpy(head_.data() + gathered_, bytes.data() + at, taken);
    gathered_ = static_cast<uint8_t>(gathered_ + taken);
    at += taken;
    return gathered_ == kHeadSize;
}

FrameWalk::Found FrameWalk::next(Text bytes) {
    constexpr uint32_t kIgnoredBit = 0x80000000U;
    for (size_t at = 0;;) {
        const size_t skipped = std::min<size_t>(left_, bytes.size() - at);
        at += skipped;
        left_ -= static_cast<uint32_t>(skipped);
        if (at == bytes.size()) return {at, 0};
        const bool is_whole = gathered_ == 0;
        if (!gather_head(bytes, at)) return {at, 0};
        gathered_ = 0;
        left_ = number(head_.data(), 3);
        passed_ += static_cast<int64_t>(kHeadSize + (head_[3] == kData ? 0 : left_));
        if (head_[3] != kWindowUpdate || left_ != 4 || !is_whole || bytes.size() - at < 4) continue;
        const uint32_t stream = number(head_.data() + 5, 4) & ~kIgnoredBit;
        const uint32_t size = number(reinterpret_cast<const uint8_t*>(bytes.data()) + at, 4) & ~kIgnoredBit;
        if (stream == 0 || size != 0) continue;
        left_ = 0;
        return {at - kHeadSize, static_cast<int32_t>(stream)};
    }
}

}  // namespace sluice::http2
