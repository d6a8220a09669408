// BufferPool: the loop's receive buffers, in two sizes. Idle buffers are kept for the next read; holders keep theirs
// out of it.
#pragma once

#include <cstdint>
#include <vector>

#include "event/received.h"

namespace sluice::event {

class BufferPool {
 public:
    enum class Kind : uint8_t { small, bulk };
    static constexpr uint32_t kSmallSize = 16384;
    static constexpr uint32_t kBulkSize = 131072;
    /// Buffers of a kind that are kept while nobody uses them.
    static constexpr size_t kIdle = 16;

    BufferPool();
    ~BufferPool();

    /// A buffer with no holder yet: wrap it into a BufferHold at once. Never null.
    PoolBuffer& take(Kind kind);
    /// Buffers in use, for tests.
    size_t in_use() const { return in_use_; }

 private:
    void give_back(PoolBuffer& buffer);

    std::vector<PoolBuffer*> idle_[2];
    size_t in_use_ = 0;
};

}  // namespace sluice::event
