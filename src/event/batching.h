// Batching: how many completions to wait for before the loop wakes up. Falling asleep and being woken costs as much
// as serving a small request; when many clients are busy, the next completions are a few microseconds away.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/units.h"
#include "event/trial.h"

namespace sluice::event {

class Batching {
 public:
    /// Longest time in microseconds that a completion waits for company.
    static constexpr uint32_t kWindow = 60;
    /// Clients that must be busy; with few of them the loop and they would wait for each other.
    static constexpr uint32_t kManyClients = 24;
    static constexpr uint32_t kSmallest = 3;
    static constexpr uint32_t kLargest = 48;

    /// How many completions to wait for within the window; 1: wake up at the first.
    uint32_t wanted() const {
        return clients_ >= kManyClients && target_ >= kSmallest && trial_.is_on() ? target_ : 1;
    }

    /// Bytes came on a connection. `stamp` is the connection's own: 0 at first. The first time does not count: where
    /// clients come for one request each, a wait holds up the next connection, and its timer costs more than it
    /// saves.
    void saw(uint8_t& stamp) {
        if (stamp == epoch_) return;
        if (stamp != 0) ++seen_;
        stamp = epoch_;
    }

    /// A wait has brought `count` completions. The target falls at once to what came within the window, and feels its
    /// way up again.
    void brought(uint32_t count) {
        completions_ += count;
        if (!trial_.is_on()) return;
        if (count < target_) {
            target_ = std::max(count, 1U);
            successes_ = 0;
        } else if (count > target_ + 1) {
            target_ = std::min(count - 1, kLargest);
        } else if (++successes_ >= kSuccesses) {
            target_ = std::min(target_ + 1, kLargest);
            successes_ = 0;
        }
    }

    /// Whether it is time to start the next epoch.
    bool is_epoch_over(Msec now) const { return now >= epoch_end_; }

    /// Counts the clients of the epoch that ends, and judges by the processor time of the thread, `cpu` nanoseconds
    /// so far, whether waiting pays: the window's timer is cheap on one machine and on another dearer than waking up.
    void start_epoch(Msec now, int64_t cpu) {
        if (clients_ >= kManyClients && completions_ >= kMeasurable)
            trial_.add(static_cast<double>(cpu - cpu_) / completions_);
        cpu_ = cpu;
        completions_ = 0;
        epoch_end_ = now + kEpoch;
        clients_ = seen_;
        seen_ = 0;
        if (++epoch_ == 0) ++epoch_;
    }

 private:
    static constexpr Msec kEpoch{10};
    static constexpr uint32_t kSuccesses = 8;
    static constexpr uint32_t kMeasurable = 100;  ///< completions in an epoch that tell what one costs

    uint32_t target_ = 1;
    uint32_t successes_ = 0;
    uint32_t clients_ = 0;  ///< that sent something in the last epoch, and had before
    uint32_t seen_ = 0;     ///< in this one
    Msec epoch_end_;
    uint8_t epoch_ = 1;
    uint32_t completions_ = 0;  ///< in this epoch
    int64_t cpu_ = 0;           ///< at its start
    Trial trial_;
};

}  // namespace sluice::event
