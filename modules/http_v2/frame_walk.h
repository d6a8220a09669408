// FrameWalk: follows a peer's frames as their bytes pass by, for what the library takes too seriously or not at all:
// a WINDOW_UPDATE of nothing for a stream, which is an error of that stream (RFC 9113 §6.9), ends its whole
// connection there; and a CONTINUATION may be of any size (§4.2).
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <sluice/core/base/text.h>

namespace sluice::http2 {

class FrameWalk {
 public:
    static constexpr size_t kUpdateSize = 13;  ///< a whole WINDOW_UPDATE
    static constexpr uint32_t kPrefaceSize = 24;

    /// `preface`: bytes that come before the first frame.
    explicit FrameWalk(uint32_t preface) : left_(preface) {}

    struct Step {
        Text passed;         ///< the next bytes for the library, maybe none
        int32_t stream = 0;  ///< behind them comes a WINDOW_UPDATE of nothing for it; 0: no such thing
        Text update;         ///< that frame
    };
    /// Takes bytes off the front of `bytes`, which follow those of the step before. What may become such a frame when
    /// more comes is kept, kUpdateSize - 1 bytes at most. The texts are good until the next step.
    Step next(Text& bytes);
    /// A CONTINUATION has come that is larger than SETTINGS_MAX_FRAME_SIZE, which we leave as it is: what next() gave
    /// last, and all behind it, is for nobody.
    bool is_too_large() const { return is_too_large_; }
    /// Bytes of the frames whose heads have passed since it was asked last, but for what DATA carries.
    int64_t take_passed() { return std::exchange(passed_, 0); }

 private:
    bool gather(Text& bytes, size_t size);
    Step finish_kept(Text& bytes);
    void enter_frame(const char* bytes);

    std::array<char, kUpdateSize> kept_{};
    size_t kept_size_ = 0;
    int64_t passed_ = 0;
    uint32_t left_;  ///< bytes to come of the current frame's payload; at first, of the preface
    bool is_too_large_ = false;
};

}  // namespace sluice::http2
