// Timer: calls its owner once, when its time has come. Embedded in its owner; its destructor disarms it.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace sluice::event {

class Loop;

class Timer {
 public:
    using Callback = void (*)(void* owner);

    Timer(Callback callback, void* owner) : callback_(callback), owner_(owner) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    /// A callback that calls a member function: Timer timer_{Timer::call<&Owner::on_timeout>, this};
    template <auto Method>
    static void call(void* owner) {
        Dispatch<Method>::run(owner);
    }

    /// Fires once, `delay` from now; loop time counts whole milliseconds, so up to one of them early. Arming an armed
    /// timer moves it; a later deadline is only a store (lazy re-arming).
    void arm(Loop& loop, Msec delay);
    /// Lazy as well: the heap drops it when it comes by.
    void disarm() { deadline_ = kNever; }
    bool is_armed() const { return deadline_ != kNever; }
    /// Loop time at which it fires; only while armed.
    Msec deadline() const { return {deadline_}; }

 private:
    friend class TimerHeap;
    template <auto Method>
    struct Dispatch;
    template <class Owner, void (Owner::*Method)()>
    struct Dispatch<Method> {
        static void run(void* owner) { (static_cast<Owner*>(owner)->*Method)(); }
    };

    static constexpr int64_t kNever = INT64_MAX;
    static constexpr uint32_t kNotInHeap = UINT32_MAX;

    Callback callback_;
    void* owner_;
    Loop* loop_ = nullptr;
    int64_t deadline_ = kNever;    ///< when to fire
    uint32_t place_ = kNotInHeap;  ///< index in the heap; the heap's key may be earlier than `deadline_`
};

}  // namespace sluice::event
