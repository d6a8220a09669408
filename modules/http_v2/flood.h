// FloodGate: limits what costs the server work and brings nobody an answer: pings, settings, priorities, empty
// frames, streams that are reset as soon as they are opened. Such things cost credit; answers and bodies earn it, and
// so does time.
#pragma once

#include <algorithm>
#include <cstdint>

#include <sluice/core/base/units.h>

namespace sluice::http2 {

class FloodGate {
 public:
    static constexpr int64_t kMost = 4000;
    static constexpr int64_t kPerSecond = 400;
    /// What is taken for one: a stream that the client, or its fault, resets before it was answered.
    static constexpr int64_t kReset = 20;
    /// A frame that must be answered.
    static constexpr int64_t kAnswered = 4;
    static constexpr int64_t kFrame = 1;

    void earn(int64_t credit) { credit_ = std::min(credit_ + credit, kMost); }
    void spend(int64_t credit) { credit_ -= credit; }
    /// DATA has left: WINDOW_UPDATE for the stream and for the connection may answer it (RFC 9113 §6.9), and are
    /// free.
    void expect_updates() { expected_updates_ = std::min(expected_updates_ + 2, kMost); }
    void take_update() {
        if (expected_updates_ > 0) {
            --expected_updates_;
        } else {
            spend(kFrame);
        }
    }
    /// Whether all credit is gone at loop time `now`.
    bool is_exhausted(Msec now) {
        if (credit_ > 0) return false;
        earn((now - asked_at_).count * kPerSecond / 1000);
        asked_at_ = now;
        return credit_ <= 0;
    }
    void begin(Msec now) { asked_at_ = now; }

 private:
    int64_t credit_ = kMost;
    int64_t expected_updates_ = 0;
    Msec asked_at_;
};

}  // namespace sluice::http2
