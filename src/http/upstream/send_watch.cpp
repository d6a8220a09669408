// SendWatch.
#include "http/upstream/send_watch.h"

#include <algorithm>

#include "event/loop.h"
#include "http/upstream/channel.h"

namespace sluice::http::upstream {

void SendWatch::begin(event::Loop& loop, const Channel& channel, Msec longest) {
    loop_ = &loop;
    channel_ = &channel;
    longest_ = longest;
    sent_ = channel.bytes_sent();
    progress_ = loop.now();
    look_again(longest);
}

void SendWatch::look_again(Msec left) {
    constexpr int64_t kLooks = 32;
    const int64_t between = std::max<int64_t>(longest_.count / kLooks, 1);
    timer_.arm(*loop_, {std::min(left.count, between)});
}

void SendWatch::look() {
    if (const int64_t sent = channel_->bytes_sent(); sent != sent_ || channel_->is_paused()) {
        sent_ = sent;
        progress_ = loop_->now();
    }
    const Msec left = progress_ + longest_ - loop_->now();
    if (left.count <= 0) return on_stalled_(owner_);
    look_again(left);
}

}  // namespace sluice::http::upstream
