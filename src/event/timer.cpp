// Timer: arming goes through the loop's heap.
#include "event/timer.h"

#include "event/loop.h"

namespace sluice::event {

Timer::~Timer() {
    if (place_ != kNotInHeap) loop_->timers().remove(*this);
}

void Timer::arm(Loop& loop, Msec delay) {
    loop_ = &loop;
    loop.timers().arm(*this, loop.now() + delay);
}

}  // namespace sluice::event
