// LibraryMemory: what is allocated is there, aligned and apart, before it was folded and after.
#include "http_v2/library_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using sluice::http2::LibraryMemory;

struct Piece {
    char* data;
    size_t size;
    char mark;
};

class Pieces {
 public:
    explicit Pieces(LibraryMemory& memory) : memory_(memory) {}
    ~Pieces() {
        for (const Piece& piece : pieces_) memory_.release(piece.data);
    }
    void add(size_t size) {
        auto* const data = static_cast<char*>(memory_.allocate(size));
        ASSERT_NE(data, nullptr);
        ASSERT_EQ(reinterpret_cast<uintptr_t>(data) % alignof(std::max_align_t), 0U);
        const char mark = static_cast<char>(dice_() % 256);
        std::memset(data, mark, size);
        pieces_.push_back({data, size, mark});
    }
    void change_one() {
        const size_t which = dice_() % pieces_.size();
        Piece& piece = pieces_[which];
        check(piece);
        if (dice_() % 2 == 0) {
            memory_.release(piece.data);
            piece = pieces_.back();
            pieces_.pop_back();
            return;
        }
        const size_t size = 1 + dice_() % 900;
        piece.data = static_cast<char*>(memory_.resize(piece.data, size));
        piece.size = std::min(size, piece.size);
        check(piece);
        std::memset(piece.data, piece.mark, size);
        piece.size = size;
    }
    void check_all() const {
        for (const Piece& piece : pieces_) check(piece);
    }
    bool is_empty() const { return pieces_.empty(); }
    size_t dice() { return dice_(); }

 private:
    static void check(const Piece& piece) {
        for (size_t i = 0; i < piece.size; ++i)
            ASSERT_EQ(piece.data[i], piece.mark) << "byte " << i << " of " << piece.size;
    }

    LibraryMemory& memory_;
    std::vector<Piece> pieces_;
    std::mt19937 dice_{1};
};

TEST(LibraryMemory, IsTheSameBehindAFold) {
    for (int round = 0; round < 50; ++round) {
        LibraryMemory memory;
        Pieces pieces(memory);
        for (size_t size : {2928, 4096, 1024, 48, 16394, 70'000}) pieces.add(size);
        memory.seal();
        for (int step = 0; step < 600; ++step) {
            if (pieces.dice() % 5 < 3 || pieces.is_empty()) {
                pieces.add(1 + pieces.dice() % 400);
            } else {
                pieces.change_one();
            }
            if (step % 50 == 49) {
                memory.fold();
                memory.unfold();
                pieces.check_all();
            }
        }
    }
    LibraryMemory::drop_spare();
}

TEST(LibraryMemory, WhatIsMostlyZeroIsFoldedAndComesBack) {
    LibraryMemory memory;
    auto* const large = static_cast<uint64_t*>(memory.allocate(40'000));
    std::memset(large, 0, 40'000);
    for (size_t i = 0; i < 5000; i += 100) large[i] = i + 1;
    void* const freed = memory.allocate(100);
    memory.release(freed);
    memory.fold();
    ASSERT_TRUE(memory.is_folded());
    memory.unfold();
    ASSERT_FALSE(memory.is_folded());
    for (size_t i = 0; i < 5000; ++i) ASSERT_EQ(large[i], i % 100 == 0 ? i + 1 : 0) << i;
    EXPECT_EQ(memory.allocate(100), freed) << "the list of free blocks is lost";
    memory.release(freed);
    memory.release(large);
}

TEST(LibraryMemory, WhatIsFullIsNotFolded) {
    LibraryMemory memory;
    auto* const large = static_cast<char*>(memory.allocate(40'000));
    std::memset(large, 'x', 40'000);
    memory.fold();
    EXPECT_FALSE(memory.is_folded());
    EXPECT_EQ(large[39'999], 'x');
    memory.release(large);
}

TEST(LibraryMemory, ManyPlacesComeAndGo) {
    for (int round = 0; round < 2; ++round) {
        std::vector<std::unique_ptr<LibraryMemory>> many;
        for (int i = 0; i < 600; ++i) {
            LibraryMemory& memory = *many.emplace_back(std::make_unique<LibraryMemory>());
            void* const data = memory.allocate(64);
            std::memset(data, i, 64);
            if (i % 2 == 0) memory.fold();
            ASSERT_EQ(memory.is_folded(), i % 2 == 0);
        }
        many.clear();
        LibraryMemory::drop_spare();
    }
}

}  // namespace
