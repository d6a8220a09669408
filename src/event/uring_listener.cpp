// UringBackend: listeners. One-shot accepts bring the peer's address with them, multishot ones would not.
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
    const size_t count = listener.options_.multi_accept ? AcceptOperation::kMost : AcceptOperation::kUsual;
    for (size_t i = 0; i < count; ++i)
        if (!operation->slots[i].is_in_flight) accept(operation->slots[i]);
}

void UringBackend::accept(AcceptSlot& slot) {
    slot.length = SocketAddress::capacity();
    slot.is_in_flight = true;
    slot.operation->listener->operations_ = ++slot.operation->in_flight;
    io_uring_sqe& entry = next();
    io_uring_prep_accept(&entry, slot.operation->listener->fd_, slot.peer.get(), &slot.length,
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

void UringBackend::on_accept(AcceptSlot& slot, int result) {
    AcceptOperation& operation = *slot.operation;
    slot.is_in_flight = false;
    --operation.in_flight;
    if (operation.listener == nullptr) {
        if (result >= 0) ::close(result);
        return release(operation);
    }
    Listener& listener = *operation.listener;
    listener.operations_ = operation.in_flight;
    if (result >= 0) {
        slot.peer.set_length(slot.length);
        listener.deliver(result, slot.peer);
    } else {
        if (result == -ECANCELED) ++operation.cancelled;
        listener.on_accept_failed(-result);
    }
    if (listener.may_accept()) {
        if (!slot.is_in_flight) accept(slot);
    } else if (operation.in_flight == 0) {
        take_woken(listener);
    }
}

/// The kernel wakes one waiter per connection. If that was one of the accepts which were cancelled then, nobody else
/// has heard of the connection.
void UringBackend::take_woken(Listener& listener) {
    auto& operation = *static_cast<AcceptOperation*>(listener.operation_);
    for (uint16_t left = std::exchange(operation.cancelled, uint16_t{0}); left > 0; --left) {
        if (listener.is_accepting()) return;
        SocketAddress peer;
        socklen_t length = SocketAddress::capacity();
        const int fd = ::accept4(listener.fd_, peer.get(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        peer.set_length(length);
        listener.deliver(fd, peer);
    }
}

}  // namespace sluice::event
