// BufferPool: a stack of idle buffers per size, the warmest on top.
#include "event/buffer_pool.h"

#include <cstdlib>

namespace sluice::event {

BufferPool::BufferPool() = default;

BufferPool::~BufferPool() {
    for (auto& list : idle_)
        for (PoolBuffer* buffer : list) {
            std::free(buffer->data);
            delete buffer;
        }
}

PoolBuffer& BufferPool::take(Kind kind) {
    auto& idle = idle_[static_cast<size_t>(kind)];
    ++in_use_;
    if (!idle.empty()) {
        PoolBuffer* buffer = idle.back();
        idle.pop_back();
        return *buffer;
    }
    auto* buffer = new PoolBuffer;
    buffer->capacity = kind == Kind::bulk ? kBulkSize : kSmallSize;
    buffer->data = static_cast<char*>(std::malloc(buffer->capacity));
    if (buffer->data == nullptr) std::abort();
    buffer->kind = static_cast<uint8_t>(kind);
    buffer->owner = this;
    buffer->give_back = [](PoolBuffer& released) { static_cast<BufferPool*>(released.owner)->give_back(released); };
    return *buffer;
}

void BufferPool::give_back(PoolBuffer& buffer) {
    --in_use_;
    auto& idle = idle_[buffer.kind];
    if (idle.size() < kIdle) {
        idle.push_back(&buffer);
        return;
    }
    std::free(buffer.data);
    delete &buffer;
}

}  // namespace sluice::event
