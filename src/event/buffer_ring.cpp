// BufferRing: what lies in the ring is poisoned for AddressSanitizer, which does not see the kernel write.
#include "event/buffer_ring.h"

#include <cerrno>

#include <sys/mman.h>

namespace sluice::event {

BufferRing::~BufferRing() {
    if (buffers_ == nullptr) return;
    io_uring_unregister_buf_ring(ring_, kGroup);
    ::munmap(buffers_, places_ * sizeof(io_uring_buf));
}

bool BufferRing::open(::io_uring& ring) {
    if (!pool_.provide(BufferPool::Kind::small, places_)) return false;
    void* memory =
        ::mmap(nullptr, places_ * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<uint64_t>(memory);
    request.ring_entries = places_;
    request.bgid = kGroup;
    const int result = io_uring_register_buf_ring(&ring, &request, 0);
    if (result != 0) {
        ::munmap(memory, places_ * sizeof(io_uring_buf));
        errno = -result;
        return false;
    }
    ring_ = &ring;
    buffers_ = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_ring_init(buffers_);
    refill();
    return true;
}

void BufferRing::refill() {
    while (buffers_ != nullptr && in_ring_ < places_) {
        PoolBuffer* buffer = pool_.take(BufferPool::Kind::small);
        if (buffer == nullptr) return;
        add(*buffer);
    }
}

void BufferRing::add(PoolBuffer& buffer) {
    BufferPool::poison(buffer);
    io_uring_buf_ring_add(buffers_, buffer.data, buffer.capacity, buffer.id, static_cast<int>(places_ - 1), 0);
    io_uring_buf_ring_advance(buffers_, 1);
    ++in_ring_;
}

PoolBuffer& BufferRing::take(unsigned completion_flags) {
    const auto id = static_cast<uint16_t>(completion_flags >> IORING_CQE_BUFFER_SHIFT);
    PoolBuffer& buffer = pool_.at(BufferPool::Kind::small, id);
    BufferPool::unpoison(buffer);
    buffer.owner = this;
    buffer.give_back = &BufferRing::on_given_back;
    buffer.hold();
    --in_ring_;
    return buffer;
}

void BufferRing::on_given_back(PoolBuffer& buffer) {
    auto& self = *static_cast<BufferRing*>(buffer.owner);
    if (self.in_ring_ < self.places_) {
        self.add(buffer);
    } else {
        self.pool_.put(buffer);
    }
}

}  // namespace sluice::event
