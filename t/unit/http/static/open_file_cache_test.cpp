// OpenFileCache: what is believed, for how long, and what leaves.
#include "http/static/open_file_cache.h"

#include <cerrno>
#include <memory>

#include <sys/stat.h>

#include "http/static/folder.h"

namespace sluice::http {
namespace {

class OpenFileCacheTest : public testing::Test {
 protected:
    void make(uint32_t max, Msec inactive = {60'000}) { cache_ = std::make_unique<OpenFileCache>(max, inactive); }
    OpenFile find(Text name, bool only_probes = false, const FileInfo* known = nullptr) {
        const std::string path = folder_.path(name);
        const FileQuery query{.path = path, .only_probes = only_probes, .known = known};
        return cache_->find(query, text::hash(path), rules_, now_);
    }
    OpenFile probe(Text name) { return find(name, true); }
    void pass(int64_t msec) { now_ = now_ + Msec{msec}; }
    static std::string read(const OpenFile& file) {
        char bytes[64];
        const ssize_t size = ::pread(file.descriptor(), bytes, sizeof bytes, 0);
        return size < 0 ? "" : std::string(bytes, static_cast<size_t>(size));
    }

    test::Folder folder_;
    OpenFileCache::Rules rules_;
    Msec now_{1000};
    std::unique_ptr<OpenFileCache> cache_;
};

TEST_F(OpenFileCacheTest, AFileIsBelievedInWhileItIsValid) {
    make(4);
    folder_.write("f", "old");
    EXPECT_EQ(read(find("f")), "old");
    folder_.replace("f", "newer");
    pass(rules_.valid.count - 1);
    EXPECT_EQ(read(find("f")), "old");
    EXPECT_EQ(probe("f").info.size, 3);
    pass(1);
    EXPECT_EQ(read(find("f")), "newer");
}

TEST_F(OpenFileCacheTest, AFileThatIsStillTheSameStaysOpen) {
    make(4);
    folder_.write("f", "f");
    const int fd = find("f").descriptor();
    pass(rules_.valid.count);
    EXPECT_EQ(find("f").descriptor(), fd);
}

TEST_F(OpenFileCacheTest, ADescriptorLivesAsLongAsItsUsers) {
    make(1);
    folder_.write("f", "f");
    folder_.write("other", "o");
    const OpenFile file = find("f");
    const OpenFile again = find("f");
    EXPECT_EQ(again.descriptor(), file.descriptor());
    find("other");
    cache_ = nullptr;
    EXPECT_EQ(read(file), "f");
}

TEST_F(OpenFileCacheTest, NothingStaysOpenBeforeMinUses) {
    make(4);
    rules_.min_uses = 3;
    folder_.write("f", "one");
    EXPECT_TRUE(find("f").fd);
    folder_.replace("f", "two");
    EXPECT_EQ(read(find("f")), "two");
    folder_.replace("f", "three");
    EXPECT_TRUE(find("f").shared);
    folder_.replace("f", "four");
    EXPECT_EQ(read(find("f")), "three");
}

TEST_F(OpenFileCacheTest, WhoHasTheBytesNeedsNoDescriptor) {
    make(4);
    folder_.write("f", "f");
    const FileInfo info = find("f").info;
    const OpenFile same = find("f", false, &info);
    EXPECT_EQ(same.info, info);
    EXPECT_EQ(same.descriptor(), -1);
    folder_.replace("f", "g");
    pass(rules_.valid.count);
    const OpenFile other = find("f", false, &info);
    EXPECT_FALSE(other.info == info);
    EXPECT_EQ(read(other), "g");
}

TEST_F(OpenFileCacheTest, ErrorsAreKeptWhereThatIsAskedFor) {
    make(4);
    EXPECT_EQ(find("f").error, ENOENT);
    EXPECT_EQ(cache_->size(), 0U);
    rules_.keeps_errors = true;
    EXPECT_EQ(find("f").error, ENOENT);
    folder_.write("f", "f");
    const OpenFile file = find("f");
    EXPECT_EQ(file.error, ENOENT);
    EXPECT_EQ(file.failed_call, "open()");
    pass(rules_.valid.count);
    EXPECT_TRUE(find("f").ok());
}

TEST_F(OpenFileCacheTest, FoldersNeedNoUses) {
    make(4);
    rules_.min_uses = 10;
    ASSERT_EQ(::mkdir(folder_.path("d").c_str(), 0755), 0);
    EXPECT_TRUE(find("d").info.is_folder());
    ASSERT_EQ(::rmdir(folder_.path("d").c_str()), 0);
    EXPECT_TRUE(find("d").info.is_folder());
}

TEST_F(OpenFileCacheTest, TheLeastRecentlyUsedLeavesFirst) {
    make(2);
    for (const Text name : {"a", "b", "c"}) folder_.write(name, name);
    for (const Text name : {"a", "b", "a", "c"}) find(name);
    EXPECT_EQ(cache_->size(), 2U);
    for (const Text name : {"a", "b", "c"}) folder_.replace(name, "new");
    EXPECT_EQ(read(find("a")), "a");
    EXPECT_EQ(read(find("c")), "c");
    EXPECT_EQ(read(find("b")), "new");
}

TEST_F(OpenFileCacheTest, WhatNobodyAsksForLeaves) {
    make(10, {500});
    for (const Text name : {"a", "b", "c"}) folder_.write(name, name);
    find("a");
    find("b");
    pass(501);
    find("c");
    EXPECT_EQ(cache_->size(), 1U);
}

TEST_F(OpenFileCacheTest, OtherRulesForLinksLookAnew) {
    make(4);
    folder_.write("f", "f");
    ASSERT_EQ(::symlink("f", folder_.path("link").c_str()), 0);
    EXPECT_TRUE(find("link").ok());
    const std::string path = folder_.path("link");
    const FileQuery strict{.path = path, .links = {.check = SymlinkCheck::on, .trusted = 0}};
    EXPECT_EQ(cache_->find(strict, text::hash(path), rules_, now_).error, ELOOP);
    EXPECT_TRUE(find("link").ok());
}

TEST_F(OpenFileCacheTest, AProbeFindsAlsoWhatCantBeOpened) {
    make(4);
    folder_.write("f", "f");
    EXPECT_TRUE(probe("f").ok());
    EXPECT_EQ(probe("f").descriptor(), -1);
    EXPECT_EQ(probe("none").error, ENOENT);
    EXPECT_EQ(probe("f/x").error, ENOTDIR);
}

}  // namespace
}  // namespace sluice::http
