// SendWatch: whether what is on its way to an upstream gets on.
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "event/progress.h"
#include "event/timer.h"

namespace sluice::http::upstream {

class Channel;

class SendWatch {
 public:
    /// `on_stalled`: nothing has left for too long; the watch has ended.
    SendWatch(event::Timer::Callback on_stalled, void* owner)
        : on_stalled_(on_stalled), owner_(owner), timer_(event::Timer::call<&SendWatch::look>, this) {}

    /// From now on: the time without progress, as long as the channel is not paused. A peer whose answer waits may
    /// have no room for more of the request. `channel` lives until end().
    void begin(event::Loop& loop, const Channel& channel, Msec longest);
    void end() { timer_.disarm(); }

 private:
    void look();

    event::Timer::Callback on_stalled_;
    void* owner_;
    event::Timer timer_;
    event::Loop* loop_ = nullptr;
    const Channel* channel_ = nullptr;
    Msec longest_{};
    event::Progress progress_;
};

}  // namespace sluice::http::upstream
