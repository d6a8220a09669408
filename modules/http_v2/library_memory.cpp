// LibraryMemory. A place is 64 KiB of addresses; places are mapped many at a time, and their pages come as they are
// touched:
//
//   Place: lists of free blocks, top │ Block │ Block │ … │ top: nothing yet
//
// Folded: per group of 64 words that are not all zero, a bit for each word that is not, then these words.
#include "library_memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/mman.h>

namespace sluice::http2 {

namespace {

constexpr size_t kPlaceSize = 64 * 1024;
constexpr size_t kPlacesAtOnce = 256;
/// Places kept with the pages that they have: connections that come and go need no new ones.
constexpr size_t kMostWarm = 64;
/// A block's size is a multiple of it.
constexpr size_t kGranule = 16;
/// Larger blocks are not used again, and not made once the session stands.
constexpr size_t kLargestListed = 1040;
constexpr size_t kListCount = kLargestListed / kGranule + 1;
/// A larger image is not worth it.
constexpr size_t kLargestImage = 12 * 1024;

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kGroup = 64;  // words
constexpr size_t kGroups = kPlaceSize / kWord / kGroup;

/// Those of the worker that no session has.
struct Spare {
    std::vector<void*> mapped;  ///< all, by their first address
    std::vector<void*> cold;    ///< without pages
    std::vector<void*> warm;

    void* take();
    void give_back(void* place, bool is_cold);
    void drop();
};

void* Spare::take() {
    if (warm.empty() && cold.empty()) {
        constexpr size_t kSize = kPlacesAtOnce * kPlaceSize;
        void* const made =
            mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (made == MAP_FAILED) return nullptr;
        // One huge page would be more than all the small ones that a place ever touches.
        static_cast<void>(madvise(made, kSize, MADV_NOHUGEPAGE));
        mapped.push_back(made);
        for (size_t i = kPlacesAtOnce; i-- != 0;) cold.push_back(static_cast<char*>(made) + i * kPlaceSize);
    }
    std::vector<void*>& from = warm.empty() ? cold : warm;
    void* const place = from.back();
    from.pop_back();
    return place;
}

void Spare::give_back(void* place, bool is_cold) {
    if (!is_cold && warm.size() < kMostWarm) return warm.push_back(place);
    if (!is_cold) static_cast<void>(madvise(place, kPlaceSize, MADV_DONTNEED));
    cold.push_back(place);
}

void Spare::drop() {
    if (warm.size() + cold.size() != mapped.size() * kPlacesAtOnce) return;
    for (void* first : mapped) munmap(first, kPlacesAtOnce * kPlaceSize);
    *this = {};
}

constinit Spare spare;

/// Writes the image of `words` behind the bits that say which groups it has; returns how many words it has, or 0 when
/// they would be more than `most`.
size_t pack(const uint64_t* words, size_t count, uint64_t* image, size_t most) {
    size_t used = kGroups / kGroup;
    std::fill_n(image, used, uint64_t{0});
    for (size_t first = 0; first < count; first += kGroup) {
        if (used + 1 + kGroup > most) return 0;
        uint64_t bits = 0;
        size_t at = used + 1;
        const size_t size = std::min(kGroup, count - first);
        for (size_t i = 0; i < size; ++i) {
            if (words[first + i] == 0) continue;
            bits |= uint64_t{1} << i;
            image[at++] = words[first + i];
        }
        if (bits == 0) continue;
        image[used] = bits;
        used = at;
        const size_t group = first / kGroup;
        image[group / kGroup] |= uint64_t{1} << group % kGroup;
    }
    return used;
}

void write_image(const uint64_t* image, uint64_t* words) {
    const uint64_t* next = image + kGroups / kGroup;
    for (size_t group = 0; group < kGroups; ++group) {
        if ((image[group / kGroup] >> group % kGroup & 1U) == 0) continue;
        for (uint64_t bits = *next++; bits != 0; bits &= bits - 1)
            words[group * kGroup + static_cast<size_t>(std::countr_zero(bits))] = *next++;
    }
}

}  // namespace

/// Before what the caller gets; what it gets is aligned.
struct LibraryMemory::Block {
    uint32_t size;  ///< with this head
    uint32_t is_free;

    char* data() { return reinterpret_cast<char*>(this) + sizeof(Block); }
    static Block& of(void* data) { return *reinterpret_cast<Block*>(static_cast<char*>(data) - sizeof(Block)); }
    size_t room() const { return size - sizeof(Block); }
};

struct LibraryMemory::Place {
    uint32_t top;
    std::array<uint32_t, kListCount> free;  ///< by size: the offset of the first free block; 0: none

    /// Where the first block begins: what is behind its head is aligned.
    static constexpr uint32_t kFirst =
        (sizeof(uint32_t) * (1 + kListCount) + kGranule - 1) / kGranule * kGranule + kGranule - sizeof(Block);

    char* bytes() { return reinterpret_cast<char*>(this); }
    Block& block(uint32_t offset) { return *reinterpret_cast<Block*>(bytes() + offset); }
    uint32_t offset_of(const Block& block) const {
        return static_cast<uint32_t>(reinterpret_cast<const char*>(&block) - reinterpret_cast<const char*>(this));
    }
};

LibraryMemory::LibraryMemory() : place_(static_cast<Place*>(spare.take())) {
    if (place_ == nullptr) return;
    place_->top = Place::kFirst;
    place_->free = {};
}

LibraryMemory::~LibraryMemory() {
    if (place_ != nullptr) spare.give_back(place_, is_folded());
}

bool LibraryMemory::is_inside(const void* memory) const {
    const auto offset = reinterpret_cast<uintptr_t>(memory) - reinterpret_cast<uintptr_t>(place_);
    return place_ != nullptr && offset < kPlaceSize;
}

LibraryMemory::Block* LibraryMemory::carve(size_t size) {
    if (place_ == nullptr || size > kPlaceSize) return nullptr;
    const size_t whole = (size + sizeof(Block) + kGranule - 1) / kGranule * kGranule;
    const bool is_listed = whole <= kLargestListed;
    if (is_sealed_ && !is_listed) return nullptr;
    if (is_listed && place_->free[whole / kGranule] != 0) {
        Block& block = place_->block(std::exchange(place_->free[whole / kGranule], 0));
        std::memcpy(&place_->free[whole / kGranule], block.data(), sizeof(uint32_t));
        block.is_free = 0;
        return &block;
    }
    if (place_->top + whole > kPlaceSize) return nullptr;
    Block& block = place_->block(place_->top);
    block = {.size = static_cast<uint32_t>(whole), .is_free = 0};
    place_->top += block.size;
    return &block;
}

void* LibraryMemory::allocate(size_t size) {
    Block* const block = carve(size);
    return block != nullptr ? block->data() : std::malloc(size);
}

void LibraryMemory::release(void* memory) {
    if (memory == nullptr) return;
    if (!is_inside(memory)) return std::free(memory);
    Block& block = Block::of(memory);
    block.is_free = 1;
    if (block.size > kLargestListed) return;
    uint32_t& first = place_->free[block.size / kGranule];
    std::memcpy(block.data(), &first, sizeof(first));
    first = place_->offset_of(block);
}

void* LibraryMemory::resize(void* memory, size_t size) {
    if (memory == nullptr) return allocate(size);
    if (!is_inside(memory)) return std::realloc(memory, size);
    const size_t room = Block::of(memory).room();
    if (size <= room) return memory;
    void* const larger = allocate(size);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, memory, room);
    release(memory);
    return larger;
}

/// Free blocks become zero but for their places in the lists; so does what lies above the last one that is used.
void LibraryMemory::forget_what_is_free() {
    for (uint32_t at = Place::kFirst; at < place_->top;) {
        Block& block = place_->block(at);
        const size_t kept = block.size > kLargestListed ? 0 : kWord;
        if (block.is_free != 0) std::memset(block.data() + kept, 0, block.room() - kept);
        at += block.size;
    }
}

void LibraryMemory::fold() {
    if (place_ == nullptr || is_folded()) return;
    forget_what_is_free();
    static constinit std::array<uint64_t, kLargestImage / kWord> image{};
    const auto* const words = reinterpret_cast<const uint64_t*>(place_);
    const size_t size = pack(words, (place_->top + kWord - 1) / kWord, image.data(), image.size());
    if (size == 0) return;
    folded_ = std::make_unique_for_overwrite<uint64_t[]>(size);
    std::copy_n(image.data(), size, folded_.get());
    // On failure the old bytes would be left: nothing is lost, but they must not count as zero.
    if (madvise(place_, kPlaceSize, MADV_DONTNEED) != 0) folded_.reset();
}

void LibraryMemory::unpack() {
    write_image(folded_.get(), reinterpret_cast<uint64_t*>(place_));
    folded_.reset();
}

void LibraryMemory::drop_spare() {
    spare.drop();
}

}  // namespace sluice::http2
