// MemoryCache: what it keeps, how much of it, and for whom.
#include "http/static/memory_cache.h"

#include <sys/stat.h>

#include "http/static/folder.h"

namespace sluice::http {
namespace {

class MemoryCacheTest : public testing::Test {
 protected:
    /// Long after every file was written.
    static constexpr int64_t kLater = INT64_MAX / 2;

    std::optional<CachedFileRef> read(MemoryCache& cache, Text name, int64_t now = kLater) {
        const std::string path = folder_.path(name);
        const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        EXPECT_EQ(::fstat(fd.get(), &status), 0);
        return cache.read(path, fd.get(), FileInfo(status), now);
    }
    CachedFile* find(MemoryCache& cache, Text name) {
        const std::string path = folder_.path(name);
        return cache.find(path, text::hash(path));
    }

    test::Folder folder_;
};

TEST_F(MemoryCacheTest, KeepsWhatWasRead) {
    MemoryCache cache;
    folder_.write("f", "content");
    EXPECT_EQ((*read(cache, "f"))->body(), "content");
    ASSERT_NE(find(cache, "f"), nullptr);
    EXPECT_EQ(find(cache, "f")->body(), "content");
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_GT(cache.bytes(), 7);
    EXPECT_EQ(find(cache, "other"), nullptr);
}

TEST_F(MemoryCacheTest, KeepsNoFileThatMayChangeWithoutATrace) {
    MemoryCache cache;
    folder_.write("f", "content");
    const auto file = read(cache, "f");
    const int64_t changed = (*file)->info().changed_nsec;
    cache.drop(*find(cache, "f"));
    EXPECT_EQ((*read(cache, "f", changed + MemoryCache::kSettledNsec))->body(), "content");
    EXPECT_EQ(cache.size(), 0U);
    read(cache, "f", changed + MemoryCache::kSettledNsec + 1);
    EXPECT_EQ(cache.size(), 1U);
}

TEST_F(MemoryCacheTest, KeepsNoFileThatShrankMeanwhile) {
    MemoryCache cache;
    folder_.write("f", "content");
    const std::string path = folder_.path("f");
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    ASSERT_EQ(::fstat(fd.get(), &status), 0);
    ASSERT_EQ(::truncate(path.c_str(), 3), 0);
    const auto file = cache.read(path, fd.get(), FileInfo(status), kLater);
    EXPECT_EQ((*file)->body(), "con");
    EXPECT_EQ((*file)->info().size, 3);
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(MemoryCacheTest, ReadingAnewTakesTheOldOnesPlace) {
    MemoryCache cache;
    folder_.write("f", "old");
    read(cache, "f");
    const int64_t bytes = cache.bytes();
    folder_.replace("f", "new");
    read(cache, "f");
    EXPECT_EQ(find(cache, "f")->body(), "new");
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_EQ(cache.bytes(), bytes);
}

TEST_F(MemoryCacheTest, NeverHoldsMoreThanItMay) {
    constexpr int64_t kMost = 20'000;
    MemoryCache cache(kMost);
    for (char name = 'a'; name <= 'z'; ++name) {
        folder_.write({&name, 1}, std::string(3000, name));
        read(cache, {&name, 1});
        EXPECT_LE(cache.bytes(), kMost);
        EXPECT_NE(find(cache, {&name, 1}), nullptr);
    }
    EXPECT_GE(cache.size(), 5U);
    while (CachedFile* file = find(cache, "z")) cache.drop(*file);
    folder_.write("large", std::string(kMost + 1, 'x'));
    const size_t before = cache.size();
    EXPECT_EQ((*read(cache, "large"))->body().size(), size_t{kMost + 1});
    EXPECT_EQ(cache.size(), before);
}

TEST_F(MemoryCacheTest, TheLeastRecentlyUsedLeavesFirst) {
    MemoryCache cache(10'000);
    for (const Text name : {"a", "b"}) {
        folder_.write(name, std::string(4000, 'x'));
        read(cache, name);
    }
    cache.touch(*find(cache, "a"));
    folder_.write("c", std::string(4000, 'x'));
    read(cache, "c");
    EXPECT_NE(find(cache, "a"), nullptr);
    EXPECT_EQ(find(cache, "b"), nullptr);
    EXPECT_NE(find(cache, "c"), nullptr);
}

TEST_F(MemoryCacheTest, AReferenceOutlivesTheCache) {
    folder_.write("f", "content");
    std::optional<CachedFileRef> kept;
    {
        MemoryCache cache;
        read(cache, "f");
        kept.emplace(*find(cache, "f"));
        cache.drop(*find(cache, "f"));
        EXPECT_EQ(cache.bytes(), 0);
    }
    EXPECT_EQ((*kept)->body(), "content");
}

}  // namespace
}  // namespace sluice::http
