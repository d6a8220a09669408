// BufferRing: the buffers that io_uring may fill, in the ring that it takes them from. A buffer leaves the ring when
// the kernel has filled it and comes back when its last holder is gone.
#pragma once

#include <cstdint>

#include <liburing.h>

#include "event/buffer_pool.h"

namespace sluice::event {

class BufferRing {
 public:
    /// `places`: a power of two; the ring is kept filled with `filling` buffers, not more than that.
    BufferRing(BufferPool& pool, BufferPool::Kind kind, uint32_t places, uint32_t filling);
    BufferRing(const BufferRing&) = delete;
    ~BufferRing();

    /// Registers the ring with the kernel. False: it refuses.
    bool open(::io_uring& ring);
    bool is_open() const { return buffers_ != nullptr; }
    /// Which group a receive has to name.
    uint16_t group() const { return static_cast<uint16_t>(kind_); }

    /// The buffer that a completion names. It counts as held once.
    PoolBuffer& take(unsigned completion_flags);
    static bool is_bulk(unsigned completion_flags) {
        return (completion_flags >> IORING_CQE_BUFFER_SHIFT & kBulkBit) != 0;
    }
    /// Makes buffers for those that are held, as far as their number may grow.
    void refill();
    uint32_t in_ring() const { return in_ring_; }

 private:
    static constexpr uint16_t kBulkBit = 0x8000;
    void add(PoolBuffer& buffer);
    static void on_given_back(PoolBuffer& buffer);

    BufferPool& pool_;
    BufferPool::Kind kind_;
    uint32_t places_;
    uint32_t filling_;
    uint32_t in_ring_ = 0;
    ::io_uring* ring_ = nullptr;
    io_uring_buf_ring* buffers_ = nullptr;
};

}  // namespace sluice::event
