// SendWatch.
#include "http/upstream/send_watch.h"

#include "event/loop.h"
#include "http/upstream/channel.h"

namespace sluice::http::upstream {

void SendWatch::begin(event::Loop& loop, const Channel& channel, Msec longest) {
    loop_ = &loop;
    channel_ = &channel;
    longest_ = longest;
    timer_.arm(loop, progress_.begin(channel.bytes_sent(), loop.now(), longest));
}

void SendWatch::look() {
    if (channel_->is_paused()) return begin(*loop_, *channel_, longest_);
    const Msec next = progress_.look(channel_->bytes_sent(), loop_->now(), longest_);
    if (next.count == 0) return on_stalled_(owner_);
    timer_.arm(*loop_, next);
}

}  // namespace sluice::http::upstream
