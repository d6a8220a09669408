// Slab: gives out pieces of a block of memory that several processes share. Small pieces (16 … 2048 bytes, powers of
// two) come from pages of one size, larger ones are runs of pages. Everything is O(1) but for a search through the
// free runs of one power of two when memory is fragmented. Not locked: whoever calls holds the zone's lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::shm {

/// Pieces of one size: how many fit the pages taken for it, how many are given out, asked for and refused.
struct SlabClassStatistics {
    size_t size = 0;
    size_t total = 0;
    size_t used = 0;
    uint64_t requests = 0;
    uint64_t failures = 0;
};

class Slab {
 public:
    static constexpr size_t kPageSize = 4096;
    static constexpr size_t kSmallest = 16;
    static constexpr size_t kLargestPiece = kPageSize / 2;
    static constexpr size_t kClasses = 8;  // 16, 32, … 2048

    /// Lays a slab out in `memory`, which is page-aligned and at least four pages long; it is forgotten what was
    /// there.
    static Slab* create(void* memory, size_t size);

    /// At least `size` bytes, aligned to 16 (to a page from half a page on), not cleared; null when there is no room.
    void* allocate(size_t size);
    /// Gives back what allocate() returned. False, and nothing happens, for any other pointer or one given back
    /// before.
    bool free(void* piece);

    size_t page_count() const { return page_count_; }
    size_t free_pages() const { return free_pages_; }
    /// Bytes that allocate() could at best still give out as whole pages.
    size_t free_bytes() const { return free_pages_ * kPageSize; }
    using Statistics = std::array<SlabClassStatistics, kClasses>;
    Statistics statistics() const;
    /// Walks over everything; false when the structures contradict each other. For tests.
    bool is_consistent() const;

 private:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kRunBins = 32;
    enum class Use : uint8_t { inside, free_run, used_run, pieces };

    /// One for each page. A run is described by its first page; its last one knows the length too, so that neighbours
    /// find each other.
    struct Page {
        uint32_t next;
        uint32_t previous;
        uint32_t length;  ///< pages of the run; 1 for a page of pieces
        uint16_t pieces_used;
        uint8_t size_class;
        Use use;
        uint64_t taken[kPageSize / kSmallest / 64];  ///< one bit for each piece
    };
    struct Counters {
        uint32_t pages;
        uint32_t used;
        uint64_t requests;
        uint64_t failures;
    };

    static size_t class_of(size_t size);
    static size_t bin_of(size_t length);
    char* address(uint32_t page) const { return first_ + size_t{page} * kPageSize; }
    uint32_t pieces_per_page(size_t size_class) const;
    void link(uint32_t& head, uint32_t page);
    void unlink(uint32_t& head, uint32_t page);
    uint32_t take_run(size_t length);
    uint32_t find_run(size_t length) const;
    void put_free_run(uint32_t page, uint32_t length);
    void free_run(uint32_t page);
    void* allocate_piece(size_t size_class);
    bool free_piece(uint32_t page, size_t offset);
    void mark_run(uint32_t page, uint32_t length, Use use);

    char* first_;  ///< the first page that is given out
    Page* pages_;
    uint32_t page_count_;
    uint32_t free_pages_;
    uint32_t partial_[kClasses];  ///< pages of pieces with room
    uint32_t runs_[kRunBins];     ///< free runs of 2^i … 2^(i+1)-1 pages
    Counters counters_[kClasses];
};

}  // namespace sluice::shm
