// FrameWalk: follows a client's frames as their bytes pass by, for what the library takes too seriously: a
// WINDOW_UPDATE of nothing for a stream, which is an error of that stream (RFC 9113 §6.9), ends its whole connection
// there.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <sluice/core/base/text.h>

namespace sluice::http2 {

class FrameWalk {
 public:
    static constexpr size_t kUpdateSize = 13;  ///< a whole WINDOW_UPDATE

    struct Found {
        size_t before = 0;   ///< bytes in front of it; all of them when there is none
        int32_t stream = 0;  ///< 0: there is none
    };
    /// The first WINDOW_UPDATE of nothing for a stream that lies whole within `bytes`, which follow those that were
    /// passed before. The walk goes on behind it. One that comes in pieces is not found.
    Found next(Text bytes);
    /// Bytes of the frames whose heads have passed since it was asked last, but for what DATA carries.
    int64_t take_passed() { return std::exchange(passed_, 0); }

 private:
    static constexpr size_t kHeadSize = 9;

    bool gather_head(Text bytes, size_t& at);

    std::array<uint8_t, kHeadSize> head_{};
    uint8_t gathered_ = 0;  ///< bytes of `head_`
    int64_t passed_ = 0;
    uint32_t left_ = 24;  ///< bytes to come of the current frame's payload; at first, of the preface
};

}  // namespace sluice::http2
