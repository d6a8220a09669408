// TimerHeap: a 4-ary heap keeps siblings in one cache line.
#include "event/timer_heap.h"

#include <algorithm>

namespace sluice::event {

namespace {
constexpr size_t kFanOut = 4;
}

TimerHeap::~TimerHeap() {
    for (const Entry& entry : entries_) {
        entry.timer->place_ = Timer::kNotInHeap;
        entry.timer->deadline_ = Timer::kNever;
    }
}

void TimerHeap::place(size_t at, Entry entry) {
    entries_[at] = entry;
    entry.timer->place_ = static_cast<uint32_t>(at);
}

void TimerHeap::sift_up(size_t at) {
    const Entry entry = entries_[at];
    while (at > 0) {
        const size_t parent = (at - 1) / kFanOut;
        if (entries_[parent].key <= entry.key) break;
        place(at, entries_[parent]);
        at = parent;
    }
    place(at, entry);
}

void TimerHeap::sift_down(size_t at) {
    const Entry entry = entries_[at];
    for (;;) {
        const size_t first = at * kFanOut + 1;
        if (first >= entries_.size()) break;
        const size_t last = std::min(first + kFanOut, entries_.size());
        size_t least = first;
        for (size_t child = first + 1; child < last; ++child)
            if (entries_[child].key < entries_[least].key) least = child;
        if (entries_[least].key >= entry.key) break;
        place(at, entries_[least]);
        at = least;
    }
    place(at, entry);
}

void TimerHeap::arm(Timer& timer, Msec deadline) {
    deadline = std::max(deadline, earliest_);
    timer.deadline_ = deadline.count;
    if (timer.place_ == Timer::kNotInHeap) {
        entries_.push_back({deadline.count, &timer});
        timer.place_ = static_cast<uint32_t>(entries_.size() - 1);
        sift_up(timer.place_);
    } else if (entries_[timer.place_].key > deadline.count) {
        entries_[timer.place_].key = deadline.count;
        sift_up(timer.place_);
    }
}

void TimerHeap::remove(Timer& timer) {
    timer.deadline_ = Timer::kNever;
    if (timer.place_ == Timer::kNotInHeap) return;
    const size_t at = timer.place_;
    timer.place_ = Timer::kNotInHeap;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (at == entries_.size()) return;
    place(at, last);
    sift_up(at);
    sift_down(last.timer->place_);
}

void TimerHeap::fire(Msec now) {
    earliest_ = now + Msec{1};
    while (!entries_.empty() && entries_.front().key <= now.count) {
        Timer& timer = *entries_.front().timer;
        const int64_t deadline = timer.deadline_;
        if (deadline > now.count && deadline != Timer::kNever) {
            entries_.front().key = deadline;
            sift_down(0);
            continue;
        }
        remove(timer);
        if (deadline != Timer::kNever) timer.callback_(timer.owner_);
    }
    earliest_ = {INT64_MIN};
}

Msec TimerHeap::until_next(Msec now) const {
    if (entries_.empty()) return {-1};
    return {std::max<int64_t>(0, entries_.front().key - now.count)};
}

}  // namespace sluice::event
