// Mapping: the pages of a zone and what stands at their begin. Generations that carry a zone over share one; private
// to core/shm.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <pthread.h>

#include "core/base/result.h"
#include "core/shm/slab.h"

namespace sluice::shm {

/// In shared memory, at the begin of the zone; the slab follows.
struct alignas(64) ZoneHeader {
    pthread_mutex_t mutex;
    uint64_t epoch = 0;
    std::atomic<int> owner{0};             ///< process that holds the lock, or held it last
    std::atomic<bool> is_changing{false};  ///< its holder may have left things half done
    void* root = nullptr;
    Slab* slab = nullptr;
};

class Mapping {
 public:
    Mapping() = default;
    Mapping(const Mapping&) = delete;
    ~Mapping();

    /// Fresh memory, formatted, with its lock free. An error without errno: `size` is too small.
    static Result<std::shared_ptr<Mapping>> create(size_t size);
    /// Forgets all that was allocated. False when the memory is too small for anything.
    bool format();
    ZoneHeader& header() const { return *header_; }

 private:
    ZoneHeader* header_ = nullptr;
    size_t size_ = 0;
};

}  // namespace sluice::shm
