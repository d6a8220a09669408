// RecentFiles: what it keeps in memory or open, how much of it, and for whom.
#include "http/static/recent_files.h"

#include <sys/stat.h>

#include "http/static/folder.h"

namespace sluice::http {
namespace {

class RecentFilesTest : public testing::Test {
 protected:
    /// Long after every file was written.
    static constexpr int64_t kLater = INT64_MAX / 2;

    std::optional<RecentFileRef> read(RecentFiles& cache, Text name, int64_t now = kLater) {
        const std::string path = folder_.path(name);
        const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        EXPECT_EQ(::fstat(fd.get(), &status), 0);
        return cache.read(path, fd.get(), FileInfo(status), now);
    }
    RecentFileRef keep_open(RecentFiles& cache, Text name) {
        const std::string path = folder_.path(name);
        UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        EXPECT_EQ(::fstat(fd.get(), &status), 0);
        return cache.keep_open(path, std::move(fd), FileInfo(status));
    }
    static bool is_descriptor(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
    RecentFile* find(RecentFiles& cache, Text name) {
        const std::string path = folder_.path(name);
        return cache.find(path, text::hash(path));
    }

    test::Folder folder_;
};

TEST_F(RecentFilesTest, KeepsWhatWasRead) {
    RecentFiles cache;
    folder_.write("f", "content");
    EXPECT_EQ((*read(cache, "f"))->body(), "content");
    ASSERT_NE(find(cache, "f"), nullptr);
    EXPECT_EQ(find(cache, "f")->body(), "content");
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_GT(cache.bytes(), 7);
    EXPECT_EQ(find(cache, "other"), nullptr);
}

TEST_F(RecentFilesTest, KeepsNoFileThatMayChangeWithoutATrace) {
    RecentFiles cache;
    folder_.write("f", "content");
    const auto file = read(cache, "f");
    const int64_t changed = (*file)->info().changed_nsec;
    cache.drop(*find(cache, "f"));
    EXPECT_EQ((*read(cache, "f", changed + RecentFiles::kSettledNsec))->body(), "content");
    EXPECT_EQ(cache.size(), 0U);
    read(cache, "f", changed + RecentFiles::kSettledNsec + 1);
    EXPECT_EQ(cache.size(), 1U);
}

TEST_F(RecentFilesTest, KeepsNoFileThatShrankMeanwhile) {
    RecentFiles cache;
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

TEST_F(RecentFilesTest, ReadingAnewTakesTheOldOnesPlace) {
    RecentFiles cache;
    folder_.write("f", "old");
    read(cache, "f");
    const int64_t bytes = cache.bytes();
    folder_.replace("f", "new");
    read(cache, "f");
    EXPECT_EQ(find(cache, "f")->body(), "new");
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_EQ(cache.bytes(), bytes);
}

TEST_F(RecentFilesTest, NeverHoldsMoreThanItMay) {
    constexpr int64_t kMost = 20'000;
    RecentFiles cache(kMost);
    for (char name = 'a'; name <= 'z'; ++name) {
        folder_.write({&name, 1}, std::string(3000, name));
        read(cache, {&name, 1});
        EXPECT_LE(cache.bytes(), kMost);
        EXPECT_NE(find(cache, {&name, 1}), nullptr);
    }
    EXPECT_GE(cache.size(), 5U);
    while (RecentFile* file = find(cache, "z")) cache.drop(*file);
    folder_.write("large", std::string(kMost + 1, 'x'));
    const size_t before = cache.size();
    EXPECT_EQ((*read(cache, "large"))->body().size(), size_t{kMost + 1});
    EXPECT_EQ(cache.size(), before);
}

TEST_F(RecentFilesTest, TheLeastRecentlyUsedLeavesFirst) {
    RecentFiles cache(10'000);
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

TEST_F(RecentFilesTest, KeepsAFileOpenWhileItIsUsed) {
    RecentFiles cache;
    folder_.write("f", "content");
    const int fd = keep_open(cache, "f")->fd();
    ASSERT_NE(find(cache, "f"), nullptr);
    EXPECT_TRUE(find(cache, "f")->is_open());
    EXPECT_LT(cache.bytes(), int64_t{sizeof(RecentFile)} + 200) << "its bytes are not there";
    cache.close_unused();
    cache.touch(*find(cache, "f"));
    cache.close_unused();
    EXPECT_TRUE(is_descriptor(fd));
    cache.close_unused();
    EXPECT_EQ(find(cache, "f"), nullptr);
    EXPECT_FALSE(is_descriptor(fd));
    EXPECT_EQ(cache.open_count(), 0U);
}

TEST_F(RecentFilesTest, KeepsTheMostRecentlyUsedOpen) {
    RecentFiles cache;
    folder_.write("first", "x");
    keep_open(cache, "first");
    for (size_t i = 0; i < 2 * RecentFiles::kMostOpen; ++i) {
        const std::string name = std::to_string(i);
        folder_.write(name, "x");
        keep_open(cache, name);
        EXPECT_LE(cache.open_count(), RecentFiles::kMostOpen);
        ASSERT_NE(find(cache, "first"), nullptr);
        cache.touch(*find(cache, "first"));
    }
    EXPECT_EQ(find(cache, "0"), nullptr);
    EXPECT_TRUE(cache.close_open());
    EXPECT_FALSE(cache.close_open());
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(RecentFilesTest, AReferenceKeepsItOpen) {
    RecentFiles cache;
    folder_.write("f", "content");
    int fd = -1;
    {
        const RecentFileRef reference = keep_open(cache, "f");
        fd = reference->fd();
        EXPECT_TRUE(cache.close_open());
        EXPECT_TRUE(is_descriptor(fd));
    }
    EXPECT_FALSE(is_descriptor(fd));
}

TEST_F(RecentFilesTest, AReferenceOutlivesTheCache) {
    folder_.write("f", "content");
    std::optional<RecentFileRef> kept;
    {
        RecentFiles cache;
        read(cache, "f");
        kept.emplace(*find(cache, "f"));
        cache.drop(*find(cache, "f"));
        EXPECT_EQ(cache.bytes(), 0);
    }
    EXPECT_EQ((*kept)->body(), "content");
}

}  // namespace
}  // namespace sluice::http
