// BufferRing: the small buffers that io_uring may fill, in the ring that it takes them from. A buffer leaves the ring
// when the kernel has filled it and comes back when its last holder is gone.
#pragma once

#include <cstdint>

#include <liburing.h>

#include "event/buffer_pool.h"

namespace sluice::event {

class BufferRing {
 public:
    /// `places`: a power of two. The ring is kept filled.
    BufferRing(BufferPool& pool, uint32_t places) : pool_(pool), places_(places) {}
    BufferRing(const BufferRing&) = delete;
    ~BufferRing();

    /// Registers the ring with the kernel, and fills it. False, with errno: it refuses, or there is no memory.
    bool open(::io_uring& ring);
    static constexpr uint16_t kGroup = 0;

    /// The buffer that a completion names. It counts as held once.
    PoolBuffer& take(unsigned completion_flags);
    /// Makes buffers for those that are held, as far as their number may grow.
    void refill();
    uint32_t in_ring() const { return in_ring_; }

 private:
    void add(PoolBuffer& buffer);
    static void on_given_back(PoolBuffer& buffer);

    BufferPool& pool_;
    uint32_t places_;
    uint32_t in_ring_ = 0;
    ::io_uring* ring_ = nullptr;
    io_uring_buf_ring* buffers_ = nullptr;
};

}  // namespace sluice::event
