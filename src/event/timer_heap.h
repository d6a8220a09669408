// TimerHeap: the armed timers of a loop, in a 4-ary heap by the time at which they must be looked at. A timer that
// was pushed out meanwhile is put back when it is looked at, so that pushing out costs nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "event/timer.h"

namespace sluice::event {

class TimerHeap {
 public:
    ~TimerHeap();
    void arm(Timer& timer, Msec deadline);
    void remove(Timer& timer);
    /// Fires all timers that are due; callbacks may arm, disarm and destroy any timer. What they arm fires a
    /// millisecond later at the earliest, so that a callback which asks for no delay does not keep the loop for ever.
    void fire(Msec now);
    /// Time until the first timer must be looked at; -1: there is none.
    Msec until_next(Msec now) const;
    size_t size() const { return entries_.size(); }

 private:
    struct Entry {
        int64_t key;
        Timer* timer;
    };
    void sift_up(size_t at);
    void sift_down(size_t at);
    void place(size_t at, Entry entry);

    std::vector<Entry> entries_;
    Msec earliest_{INT64_MIN};  ///< no deadline lies before it
};

}  // namespace sluice::event
