// RecordSize: how many plain bytes the next record holds. A record can be read only when all of it has come: after a
// pause the first ones are as small as a segment, so that a peer has something to work on at once; then as large as
// they may be, which costs least.
#pragma once

#include <algorithm>
#include <cstdint>

#include <sluice/core/base/units.h>

namespace sluice::tls {

class RecordSize {
 public:
    static constexpr uint32_t kLargest = 16 * 1024;
    /// Fits one segment of Ethernet together with all headers.
    static constexpr uint32_t kOneSegment = 1370;

    RecordSize(uint32_t most, bool adapts) : most_(most), adapts_(adapts) {}

    /// Something of `size` bytes is about to be written.
    void begin(Msec now, int64_t size) {
        if (now.count - used_at_.count > kPause.count) burst_ = 0;
        used_at_ = now;
        // What leaves in few segments anyway would only cost more in pieces.
        if (size <= kWhole) burst_ = kRampEnd;
    }
    uint32_t next() const {
        if (!adapts_ || burst_ >= kRampEnd) return most_;
        return std::min(most_, burst_ < kOneSegment ? kOneSegment : kMiddle);
    }
    void add(size_t written) { burst_ = std::min(burst_ + static_cast<uint32_t>(written), kRampEnd); }

 private:
    static constexpr Msec kPause{1000};
    static constexpr uint32_t kMiddle = 3 * kOneSegment;
    static constexpr uint32_t kRampEnd = 10 * kOneSegment;  ///< what a fresh connection may send unanswered
    static constexpr int64_t kWhole = kMiddle;

    Msec used_at_{-kPause.count - 1};
    uint32_t burst_ = 0;  ///< bytes since the last pause, as far as they matter
    uint32_t most_;
    bool adapts_;
};

}  // namespace sluice::tls
