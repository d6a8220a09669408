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

/// One accept: the kernel writes the peer's address here.
struct alignas(8) UringBackend::AcceptSlot {
    AcceptOperation* operation = nullptr;
    SocketAddress peer;
    socklen_t length = 0;
    bool is_in_flight = false;
};

/// Several accepts are in flight at once, so that a burst needs fewer turns.
struct UringBackend::AcceptOperation : ListNode<AcceptOperation> {
    static constexpr size_t kMost = 16;
    static constexpr size_t kUsual = 4;

    Listener* listener = nullptr;  ///< null: it is gone
    uint16_t in_flight = 0;
    uint16_t cancelled = 0;  ///< since all were in flight; what may have been handed to them is taken
    std::array<AcceptSlot, kMost> slots;
};

}  // namespace sluice::event
