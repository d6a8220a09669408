// What io_uring points to while a listener's accepts are in flight. It outlives the listener.
#pragma once

#include <array>

#include "event/uring_backend.h"

namespace sluice::event {

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
    std::array<AcceptSlot, kMost> slots;
};

}  // namespace sluice::event
