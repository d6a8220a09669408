// Progress: for how long a count of bytes that leave has stood still. Nobody tells when it grows, so whoever has a
// time limit on it looks every now and then, often enough to be exact to a thirty-second of the limit.
//   timer_.arm(loop, progress_.begin(sent(), loop.now(), timeout));
//   on_timer: if (const Msec next = progress_.look(sent(), loop.now(), timeout); next.count > 0) timer_.arm(loop,
//   next);
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/units.h"

namespace sluice::event {

class Progress {
 public:
    /// It is watched from `now` on, and may stand still for `longest`. Returns the time until it is to be looked at.
    Msec begin(int64_t count, Msec now, Msec longest) {
        count_ = count;
        since_ = now;
        return next(longest, longest);
    }

    /// Returns the time until the next look; 0: it has stood still for `longest`.
    Msec look(int64_t count, Msec now, Msec longest) {
        if (count != count_) return begin(count, now, longest);
        const Msec left = since_ + longest - now;
        return left.count > 0 ? next(left, longest) : Msec{0};
    }

 private:
    static Msec next(Msec left, Msec longest) {
        constexpr int64_t kLooks = 32;
        return {std::min(left.count, std::max<int64_t>(longest.count / kLooks, 1))};
    }

    int64_t count_ = 0;
    Msec since_{};
};

}  // namespace sluice::event
