// LibraryMemory: all that the library allocates for one session, in a place of its own. While the session has nothing
// to do it can be folded: the few words of it that are not zero are packed, and its pages go back to the kernel.
// Unfolded, every byte is where it was, so that the library need not know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::http2 {

class LibraryMemory {
 public:
    LibraryMemory();
    LibraryMemory(const LibraryMemory&) = delete;
    /// All of it has been released; what lies in the place is gone.
    ~LibraryMemory();

    // As malloc(), free() and realloc(); aligned for any type; null: out of memory. Never while it is folded.
    void* allocate(size_t size);
    void release(void* memory);
    void* resize(void* memory, size_t size);
    /// The session stands. What is large from now on is allocated elsewhere, so that the place has room for streams.
    void seal() { is_sealed_ = true; }

    /// Packs and gives the pages back, unless little would be gained.
    void fold();
    void unfold() {
        if (is_folded()) unpack();
    }
    bool is_folded() const { return folded_ != nullptr; }

    /// The worker leaves: gives back the places that nobody uses.
    static void drop_spare();

 private:
    struct Block;
    struct Place;

    void unpack();
    Block* carve(size_t size);
    bool is_inside(const void* memory) const;
    void forget_what_is_free();

    Place* place_;  ///< null: there was none, and everything comes from malloc()
    std::unique_ptr<uint64_t[]> folded_;
    bool is_sealed_ = false;
};

}  // namespace sluice::http2
