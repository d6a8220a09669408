// UringBackend: listeners. A worker that shares its socket accepts by one-shot operations: each is woken for one
// connection, and stands behind those of others when it is armed anew. A multishot one would always be the first to
// be woken, however busy its worker. Where nobody shares, it saves the arming; the peer's address is then asked for.
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "event/loop.h"
#include "event/uring_operations.h"

namespace sluice::event {

void UringBackend::start(Listener& listener) {
    auto* operation = static_cast<AcceptOperation*>(listener.operation_);
    if (operation == nullptr) {
        operation = new AcceptOperation;
        operation->listener = &listener;
        for (AcceptSlot& slot : operation->slots) slot.operation = operation;
        listeners_.push_back(*operation);
        listener.operation_ = operation;
    }
    operation->cancelled = 0;
    accept(*operation);
}

/// Arms what is missing.
void UringBackend::accept(AcceptOperation& operation) {
    if (operation.taking_all != nullptr) return;
    const Listener& listener = *operation.listener;
    const bool takes_all = listener.may_take_all(false);
    const size_t count = listener.options_.multi_accept ? AcceptOperation::kMost : AcceptOperation::kUsual;
    for (size_t i = 0; i < count; ++i) {
        AcceptSlot& slot = operation.slots[i];
        if (slot.is_in_flight) continue;
        if (takes_all) return accept_all(slot);
        accept_one(slot);
    }
}

void UringBackend::accept_one(AcceptSlot& slot) {
    slot.length = SocketAddress::capacity();
    slot.is_in_flight = true;
    slot.operation->listener->operations_ = ++slot.operation->in_flight;
    io_uring_sqe& entry = next();
    io_uring_prep_accept(&entry, slot.operation->listener->fd_, slot.peer.get(), &slot.length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(&entry, pack(&slot, 0, kAccept));
}

void UringBackend::accept_all(AcceptSlot& slot) {
    slot.is_in_flight = slot.takes_all = true;
    slot.operation->taking_all = &slot;
    slot.operation->listener->operations_ = ++slot.operation->in_flight;
    io_uring_sqe& entry = next();
    io_uring_prep_multishot_accept(&entry, slot.operation->listener->fd_, nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(&entry, pack(&slot, 0, kAccept));
}

void UringBackend::stop(Listener& listener) {
    auto& operation = *static_cast<AcceptOperation*>(listener.operation_);
    for (AcceptSlot& slot : operation.slots)
        if (slot.is_in_flight) cancel(pack(&slot, 0, kAccept));
}

void UringBackend::forget(Listener& listener) {
    auto* operation = static_cast<AcceptOperation*>(listener.operation_);
    if (operation == nullptr) return;
    listener.operation_ = nullptr;
    operation->listener = nullptr;
    release(*operation);
}

void UringBackend::release(AcceptOperation& operation) {
    if (operation.listener == nullptr && operation.in_flight == 0) delete &operation;
}

void UringBackend::on_accept(AcceptSlot& slot, const Completion& completion) {
    AcceptOperation& operation = *slot.operation;
    const int result = completion.result;
    const bool came_alone = !slot.takes_all;
    if (!completion.goes_on()) {
        slot.is_in_flight = slot.takes_all = false;
        if (operation.taking_all == &slot) operation.taking_all = nullptr;
        --operation.in_flight;
    }
    if (operation.listener == nullptr) {
        if (result >= 0) ::close(result);
        return release(operation);
    }
    Listener& listener = *operation.listener;
    listener.operations_ = operation.in_flight;
    if (result < 0) {
        // One that goes on may have been woken for any number. While there is only no room, they wait for it.
        if (result == -ECANCELED && came_alone) ++operation.cancelled;
        if (result == -ECANCELED && !came_alone && !listener.is_running()) operation.cancelled = UINT16_MAX;
        listener.on_accept_failed(-result);
    } else if (came_alone) {
        slot.peer.set_length(slot.length);
        listener.deliver(result, slot.peer);
    } else {
        listener.deliver(result);
    }
    if (!listener.may_accept()) {
        if (operation.in_flight == 0) take_woken(listener);
    } else if (!slot.is_in_flight) {
        accept(operation);
    } else if (operation.taking_all == &slot && !listener.may_take_all(true)) {
        // From now on a few at a time.
        operation.taking_all = nullptr;
        cancel(pack(&slot, 0, kAccept));
        accept(operation);
    }
}

/// The kernel wakes one waiter per connection. If that was one of the accepts which were cancelled then, nobody else
/// has heard of the connection.
void UringBackend::take_woken(Listener& listener) {
    auto& operation = *static_cast<AcceptOperation*>(listener.operation_);
    for (uint16_t left = std::exchange(operation.cancelled, uint16_t{0}); left > 0; --left) {
        if (listener.is_accepting() || !listener.take_one()) return;
    }
}

}  // namespace sluice::event
