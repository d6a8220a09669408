// BufferPool: the memory that received bytes lie in. Buffers are made when they are needed and used again; how many
// there may be is bounded, and few are kept when the need has passed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "event/received.h"

namespace sluice::event {

class BufferPool {
 public:
    enum class Kind : uint8_t { small, bulk };
    static constexpr uint32_t kSmallSize = 16 * 1024;
    static constexpr uint32_t kBulkSize = 128 * 1024;

    /// `connections`: how many there will be, for the bounds.
    explicit BufferPool(uint32_t connections);
    BufferPool(const BufferPool&) = delete;
    ~BufferPool();

    /// A buffer that nobody holds; whoever takes it calls hold(), and release() gives it back. Null when the bound is
    /// reached.
    PoolBuffer* take(Kind kind);
    /// Makes buffers ahead, so that the next `count` calls of take() find memory. False, with errno: there is none.
    bool provide(Kind kind, uint32_t count);
    /// Gives back a buffer that was taken and never held, or whose last holder is gone.
    void put(PoolBuffer& buffer);
    /// Whether take() would succeed.
    bool has_free(Kind kind) const;
    /// The buffer with this number.
    PoolBuffer& at(Kind kind, uint16_t id) { return *shelf(kind).all[id]; }
    /// Buffers that exist, whoever has them.
    uint32_t made(Kind kind) const { return shelf(kind).made; }
    /// Lowers or raises how many there may be (at most 32,768); those that exist stay.
    void set_bound(Kind kind, uint32_t bound) { shelf(kind).bound = bound; }
    /// Lets AddressSanitizer report who touches a buffer that nobody holds.
    static void poison(PoolBuffer& buffer);
    static void unpoison(PoolBuffer& buffer);

 private:
    struct Shelf {
        uint32_t size = 0;   ///< bytes of one
        uint32_t bound = 0;  ///< how many there may be
        uint32_t keep = 0;   ///< how many unused ones keep their memory
        uint32_t made = 0;   ///< how many have memory
        std::vector<std::unique_ptr<PoolBuffer>> all;
        std::vector<PoolBuffer*> free;   ///< last used first: its memory is warm
        std::vector<PoolBuffer*> empty;  ///< numbers without memory
    };
    Shelf& shelf(Kind kind) { return shelves_[static_cast<size_t>(kind)]; }
    const Shelf& shelf(Kind kind) const { return shelves_[static_cast<size_t>(kind)]; }
    static PoolBuffer* make(Shelf& shelf, Kind kind);

    std::array<Shelf, 2> shelves_;
};

}  // namespace sluice::event
