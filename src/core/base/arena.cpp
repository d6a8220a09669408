// Arena: the slow path (a new block) and the store of standard blocks that a worker keeps warm.
#include "core/base/arena.h"

#include <cstdlib>

#include "core/base/out_of_memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sluice {

namespace {

/// Standard blocks given back, kept for the next arena. Per process; workers are single-threaded where arenas are
/// used.
class BlockStore {
 public:
    void* take() {
        if (count_ == 0) return nullptr;
        void* block = kept_[--count_];
#if defined(__SANITIZE_ADDRESS__)
        ASAN_UNPOISON_MEMORY_REGION(block, Arena::kBlockSize);
#endif
        return block;
    }
    bool give(void* block) {
        if (count_ == kMost) return false;
#if defined(__SANITIZE_ADDRESS__)
        ASAN_POISON_MEMORY_REGION(block, Arena::kBlockSize);
#endif
        kept_[count_++] = block;
        return true;
    }

 private:
    static constexpr size_t kMost = 512;  // 2 MiB per worker at the most
    void* kept_[kMost];
    size_t count_;
};

thread_local constinit BlockStore block_store{};

void* allocate_or_abort(size_t size) {
    void* memory = std::malloc(size);
    if (memory == nullptr) out_of_memory();
    return memory;
}

}  // namespace

void* Arena::allocate_slow(size_t size, size_t align) {
    const size_t needed = sizeof(Block) + size + align;
    const bool standard = needed <= kBlockSize;
    const size_t block_size = standard ? kBlockSize : needed;
    void* memory = standard ? block_store.take() : nullptr;
    if (memory == nullptr) memory = allocate_or_abort(block_size);

    auto* block = new (memory) Block{blocks_, block_size};
    blocks_ = block;
    char* begin = aligned(reinterpret_cast<char*>(block + 1), align);
    if (standard) {
        free_ = begin + size;
        end_ = reinterpret_cast<char*>(block) + block_size;
    }
    return begin;
}

const char* Arena::copy_c_str(Text source) {
    char* to = static_cast<char*>(allocate(source.size() + 1, 1));
    if (!source.empty()) std::memcpy(to, source.data(), source.size());
    to[source.size()] = '\0';
    return to;
}

void Arena::reset() {
    while (cleanups_ != nullptr) {
        Cleanup* cleanup = cleanups_;
        cleanups_ = cleanup->next;
        cleanup->function(cleanup->argument);
    }
    while (blocks_ != nullptr) {
        Block* block = blocks_;
        blocks_ = block->next;
        if (block->size != kBlockSize || !block_store.give(block)) std::free(block);
    }
    free_ = end_ = nullptr;
}

size_t Arena::reserved() const {
    size_t sum = 0;
    for (const Block* block = blocks_; block != nullptr; block = block->next) sum += block->size;
    return sum;
}

}  // namespace sluice
