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
    enum class Use : uint8_t { inside, free_run, free_tail, used_run, pieces };

    /// One for each page. The first page of a run describes it. The last page of a free run (`free_tail` where it is
    /// not the first, too) knows the length as well, so that a run that is freed behind it finds its begin.
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

    struct Walk;

    static size_t class_of(size_t size);
    static size_t bin_of(uint32_t length);
    static uint32_t pieces_per_page(size_t size_class);
    char* address(uint32_t page) { return first_ + size_t{page} * kPageSize; }
    void link(uint32_t& head, uint32_t page);
    void unlink(uint32_t& head, uint32_t page);
    uint32_t find_run(uint32_t length) const;
    uint32_t take_run(uint32_t length);
    void add_free_run(uint32_t page, uint32_t length);
    void remove_free_run(uint32_t page);
    void release_run(uint32_t page);
    void* allocate_piece(size_t size_class);
    uint32_t start_page(size_t size_class);
    bool free_piece(uint32_t page, size_t offset);
    bool check_list(uint32_t head, Use use, Walk& walk) const;
    bool check_page(uint32_t page, Walk& walk) const;

    Slab() = default;

    char* first_ = nullptr;  ///< the first page that is given out
    Page* pages_ = nullptr;
    uint32_t page_count_ = 0;
    uint32_t free_pages_ = 0;
    uint32_t partial_[kClasses] = {};  ///< pages of pieces with room
    uint32_t runs_[kRunBins] = {};     ///< free runs of 2^i … 2^(i+1)-1 pages
    Counters counters_[kClasses] = {};
};

}  // namespace sluice::shm
