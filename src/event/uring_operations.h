// What io_uring points to while a listener's accepts, or a watch's poll, are in flight. It outlives its owner.
#pragma once

#include <array>

#include "event/uring_backend.h"

namespace sluice::event {

/// A poll.
struct UringBackend::WatchOperation final : Operation, ListNode<WatchOperation> {
    explicit WatchOperation(UringBackend& of, Watch& watched) : backend(of), watch(&watched) {}
    void on_completion(int) override { backend.on_watch(*this); }

    UringBackend& backend;
    Watch* watch;  ///< null: it is gone
};

/// One accept. The kernel writes the peer's address here, unless it takes one connection after the other.
struct alignas(8) UringBackend::AcceptSlot {
    AcceptOperation* operation = nullptr;
    SocketAddress peer;
    socklen_t length = 0;
    bool is_in_flight = false;
    bool takes_all = false;
};

/// Several accepts are in flight at once, so that a burst needs fewer turns; or one that goes on (takes_all), which
/// is cheaper, but can't be told how many connections to leave to others.
struct UringBackend::AcceptOperation : ListNode<AcceptOperation> {
    static constexpr size_t kMost = 16;
    static constexpr size_t kUsual = 4;

    Listener* listener = nullptr;  ///< null: it is gone
    uint16_t in_flight = 0;
    uint16_t cancelled = 0;  ///< since all were in flight; what may have been handed to them is taken
    AcceptSlot* taking_all = nullptr;
    std::array<AcceptSlot, kMost> slots;
};

}  // namespace sluice::event
