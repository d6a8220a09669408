// The slab against a model: what it gives out never overlaps, what is freed comes back, and nothing gets lost.
#include "core/shm/slab.h"

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::shm {
namespace {

/// Memory for a slab, aligned like a page.
class Memory {
 public:
    explicit Memory(size_t size) : size_(size), bytes_(static_cast<char*>(::aligned_alloc(4096, size))) {
        std::memset(bytes_, 0xa5, size);
    }
    ~Memory() { ::free(bytes_); }
    Memory(const Memory&) = delete;
    char* begin() const { return bytes_; }
    char* end() const { return bytes_ + size_; }
    Slab& slab() const { return *Slab::create(bytes_, size_); }

 private:
    size_t size_;
    char* bytes_;
};

TEST(Slab, TooSmallForAPageIsNoSlab) {
    alignas(64) char room[4096];
    EXPECT_EQ(Slab::create(room, 64), nullptr);
    EXPECT_EQ(Slab::create(room, sizeof room), nullptr);
}

TEST(Slab, AnySizeOfMemoryIsUsedAndNotOverrun) {
    const Memory memory(64 * 4096);
    for (size_t size = 2 * 4096; size <= 64 * 4096; size += 1000) {
        Slab* slab = Slab::create(memory.begin(), size);
        if (slab == nullptr) continue;
        EXPECT_GT(slab->page_count() * 4096 + 3 * 4096, size);
        char* all = static_cast<char*>(slab->allocate(slab->page_count() * 4096));
        ASSERT_NE(all, nullptr);
        EXPECT_LE(all + slab->page_count() * 4096, memory.begin() + size);
        EXPECT_EQ(slab->free_pages(), 0U);
        EXPECT_TRUE(slab->is_consistent());
    }
}

TEST(Slab, PiecesAreAlignedAndOfTheirClass) {
    const Memory memory(64 * 4096);
    Slab& slab = memory.slab();
    const std::pair<size_t, size_t> sizes[] = {{0, 16},     {1, 16},      {16, 16},    {17, 32},   {32, 32},
                                               {33, 64},    {64, 64},     {65, 128},   {129, 256}, {257, 512},
                                               {513, 1024}, {1025, 2048}, {2048, 2048}};
    for (const auto& [size, piece] : sizes) {
        const auto first = reinterpret_cast<uintptr_t>(slab.allocate(size));
        const auto second = reinterpret_cast<uintptr_t>(slab.allocate(size));
        EXPECT_EQ(first % piece, 0U) << size;
        EXPECT_EQ(second - first, piece) << size;
        EXPECT_TRUE(slab.free(reinterpret_cast<void*>(first)));
        EXPECT_TRUE(slab.free(reinterpret_cast<void*>(second)));
    }
    EXPECT_EQ(reinterpret_cast<uintptr_t>(slab.allocate(2049)) % 4096, 0U);
    EXPECT_TRUE(slab.is_consistent());
}

TEST(Slab, RefusesToFreeWhatItDidNotGiveOut) {
    const Memory memory(64 * 4096);
    Slab& slab = memory.slab();
    auto* piece = static_cast<char*>(slab.allocate(100));
    auto* run = static_cast<char*>(slab.allocate(10000));
    int elsewhere = 0;
    EXPECT_FALSE(slab.free(nullptr));
    EXPECT_FALSE(slab.free(&elsewhere));
    EXPECT_FALSE(slab.free(memory.begin()));
    EXPECT_FALSE(slab.free(memory.end()));
    EXPECT_FALSE(slab.free(piece + 1));
    EXPECT_FALSE(slab.free(piece + 128)) << "not given out";
    EXPECT_FALSE(slab.free(run + 16));
    EXPECT_FALSE(slab.free(run + 4096)) << "inside a run";
    EXPECT_TRUE(slab.free(piece));
    EXPECT_FALSE(slab.free(piece)) << "twice";
    EXPECT_TRUE(slab.free(run));
    EXPECT_FALSE(slab.free(run)) << "twice";
    EXPECT_TRUE(slab.is_consistent());
    EXPECT_EQ(slab.free_pages(), slab.page_count());
}

TEST(Slab, ExhaustionIsCountedAndRecovers) {
    const Memory memory(16 * 4096);
    Slab& slab = memory.slab();
    std::vector<void*> pieces;
    while (void* piece = slab.allocate(64)) pieces.push_back(piece);
    EXPECT_EQ(pieces.size(), slab.page_count() * 64);
    EXPECT_EQ(slab.allocate(2000), nullptr);
    EXPECT_EQ(slab.allocate(5000), nullptr);
    const Slab::Statistics full = slab.statistics();
    EXPECT_EQ(full[2].size, 64U);
    EXPECT_EQ(full[2].total, pieces.size());
    EXPECT_EQ(full[2].used, pieces.size());
    EXPECT_EQ(full[2].requests, pieces.size() + 1);
    EXPECT_EQ(full[2].failures, 1U);
    EXPECT_EQ(full[7].failures, 1U);
    EXPECT_TRUE(slab.is_consistent());

    EXPECT_TRUE(slab.free(pieces[1]));
    EXPECT_EQ(slab.allocate(64), pieces[1]);
    for (void* piece : pieces) EXPECT_TRUE(slab.free(piece));
    EXPECT_EQ(slab.free_pages(), slab.page_count());
    EXPECT_NE(slab.allocate(slab.page_count() * 4096), nullptr) << "all grew together again";
}

TEST(Slab, HugeRequestsAreRefused) {
    const Memory memory(16 * 4096);
    Slab& slab = memory.slab();
    EXPECT_EQ(slab.allocate(SIZE_MAX), nullptr);
    EXPECT_EQ(slab.allocate(size_t{1} << 44U), nullptr);
    EXPECT_EQ(slab.allocate(slab.page_count() * 4096 + 1), nullptr);
    EXPECT_TRUE(slab.is_consistent());
}

TEST(Slab, FragmentsGrowTogether) {
    const Memory memory(64 * 4096);
    Slab& slab = memory.slab();
    std::vector<void*> runs;
    while (void* run = slab.allocate(4096)) runs.push_back(run);
    for (size_t i = 0; i < runs.size(); i += 2) EXPECT_TRUE(slab.free(runs[i]));
    EXPECT_EQ(slab.allocate(2 * 4096), nullptr) << "half is free, no two pages side by side";
    EXPECT_TRUE(slab.free(runs[1]));
    EXPECT_EQ(slab.allocate(3 * 4096), runs[0]);
    for (size_t i = 3; i < runs.size(); i += 2) EXPECT_TRUE(slab.free(runs[i]));
    EXPECT_TRUE(slab.free(runs[0]));
    EXPECT_EQ(slab.free_pages(), slab.page_count());
    EXPECT_TRUE(slab.is_consistent());
    EXPECT_NE(slab.allocate(slab.page_count() * 4096), nullptr);
}

/// Pieces given out, each filled with a pattern of its own that nobody else may touch.
class Model {
 public:
    explicit Model(Slab& slab) : slab_(slab) {}

    void allocate(size_t size, std::mt19937& random) {
        auto* at = static_cast<char*>(slab_.allocate(size));
        if (at == nullptr) {
            ++refused;
            return;
        }
        const auto next = pieces_.lower_bound(at);
        ASSERT_TRUE(next == pieces_.end() || at + size <= next->first) << "overlap";
        ASSERT_TRUE(next == pieces_.begin() || std::prev(next)->first + std::prev(next)->second.size <= at)
            << "overlap";
        const auto pattern = static_cast<char>(random());
        std::memset(at, pattern, size);
        pieces_[at] = {size, pattern};
    }
    void free_any(std::mt19937& random) {
        if (pieces_.empty()) return;
        auto chosen = pieces_.begin();
        std::advance(chosen, random() % std::min<size_t>(pieces_.size(), 50));
        const auto& [at, piece] = *chosen;
        for (size_t i = 0; i < piece.size; ++i) ASSERT_EQ(at[i], piece.pattern) << "somebody wrote into it";
        ASSERT_TRUE(slab_.free(at));
        pieces_.erase(chosen);
    }
    bool empty() const { return pieces_.empty(); }
    size_t refused = 0;

 private:
    struct Piece {
        size_t size;
        char pattern;
    };
    Slab& slab_;
    std::map<char*, Piece> pieces_;
};

size_t some_size(std::mt19937& random) {
    switch (random() % 4) {
        case 0: return random() % 64 + 1;
        case 1: return random() % 2048 + 1;
        case 2: return random() % 300 + 1;
        default: return random() % 40000 + 1;
    }
}

class SlabProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(SlabProperty, AgreesWithTheModel) {
    const Memory memory(128 * 4096);
    Slab& slab = memory.slab();
    std::mt19937 random(GetParam());
    Model model(slab);
    for (int step = 0; step < 6000; ++step) {
        // Phases of growth and of shrinking, so that it is full at times and nearly empty at others.
        const bool grows = random() % 100 < (step / 1000 % 2 == 0 ? 65U : 35U);
        if (grows) {
            model.allocate(some_size(random), random);
        } else {
            model.free_any(random);
        }
        if (HasFatalFailure()) return;
        if (step % 16 == 0) {
            ASSERT_TRUE(slab.is_consistent()) << step;
        }
    }
    EXPECT_GT(model.refused, 0U) << "was never full";
    while (!model.empty() && !HasFatalFailure()) model.free_any(random);
    EXPECT_TRUE(slab.is_consistent());
    EXPECT_EQ(slab.free_pages(), slab.page_count());
}

INSTANTIATE_TEST_SUITE_P(Seeds, SlabProperty, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace sluice::shm
