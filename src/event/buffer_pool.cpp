// BufferPool: memory comes from mmap, so that a buffer of which only the first bytes are used costs one page.
#include "event/buffer_pool.h"

#include <algorithm>

#include <sys/mman.h>

#include "core/base/out_of_memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) static_cast<void>(0)
#endif

namespace sluice::event {

namespace {

constexpr uint32_t kMost = 32768;

/// Null, with errno: there is none.
char* map_memory(size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? static_cast<char*>(memory) : nullptr;
}

}  // namespace

BufferPool::BufferPool(uint32_t connections) {
    Shelf& small = shelf(Kind::small);
    small.size = kSmallSize;
    small.bound = std::clamp(connections, 512U, kMost / 2) * 2;
    small.keep = 256;
    Shelf& bulk = shelf(Kind::bulk);
    bulk.size = kBulkSize;
    bulk.bound = std::clamp(connections / 8, 128U, kMost);
    bulk.keep = 32;
}

BufferPool::~BufferPool() {
    for (Shelf& shelf : shelves_) {
        for (const auto& buffer : shelf.all)
            if (buffer->data != nullptr) {
                unpoison(*buffer);
                ::munmap(buffer->data, buffer->capacity);
            }
    }
}

/// Null, with errno: there is no memory.
PoolBuffer* BufferPool::make(Shelf& shelf, Kind kind) {
    char* const memory = map_memory(shelf.size);
    if (memory == nullptr) return nullptr;
    PoolBuffer* buffer = nullptr;
    if (!shelf.empty.empty()) {
        buffer = shelf.empty.back();
        shelf.empty.pop_back();
    } else {
        buffer = shelf.all.emplace_back(std::make_unique<PoolBuffer>()).get();
        buffer->id = static_cast<uint16_t>(shelf.all.size() - 1);
        buffer->kind = static_cast<uint8_t>(kind);
        buffer->capacity = shelf.size;
    }
    buffer->data = memory;
    ++shelf.made;
    return buffer;
}

bool BufferPool::provide(Kind kind, uint32_t count) {
    Shelf& shelf = this->shelf(kind);
    while (shelf.free.size() < count && shelf.made < shelf.bound) {
        PoolBuffer* const buffer = make(shelf, kind);
        if (buffer == nullptr) return false;
        poison(*buffer);
        shelf.free.push_back(buffer);
    }
    return true;
}

PoolBuffer* BufferPool::take(Kind kind) {
    Shelf& shelf = this->shelf(kind);
    PoolBuffer* buffer = nullptr;
    if (!shelf.free.empty()) {
        buffer = shelf.free.back();
        shelf.free.pop_back();
        unpoison(*buffer);
    } else if (shelf.made < shelf.bound) {
        buffer = make(shelf, kind);
        if (buffer == nullptr) out_of_memory();
    } else {
        return nullptr;
    }
    buffer->owner = this;
    buffer->give_back = [](PoolBuffer& returned) { static_cast<BufferPool*>(returned.owner)->put(returned); };
    return buffer;
}

void BufferPool::poison([[maybe_unused]] PoolBuffer& buffer) {
    ASAN_POISON_MEMORY_REGION(buffer.data, buffer.capacity);
}

void BufferPool::unpoison([[maybe_unused]] PoolBuffer& buffer) {
    ASAN_UNPOISON_MEMORY_REGION(buffer.data, buffer.capacity);
}

void BufferPool::put(PoolBuffer& buffer) {
    Shelf& shelf = this->shelf(static_cast<Kind>(buffer.kind));
    if (shelf.free.size() < shelf.keep) {
        poison(buffer);
        shelf.free.push_back(&buffer);
        return;
    }
    unpoison(buffer);
    ::munmap(buffer.data, buffer.capacity);
    buffer.data = nullptr;
    --shelf.made;
    shelf.empty.push_back(&buffer);
}

bool BufferPool::has_free(Kind kind) const {
    const Shelf& shelf = this->shelf(kind);
    return !shelf.free.empty() || shelf.made < shelf.bound;
}

}  // namespace sluice::event
