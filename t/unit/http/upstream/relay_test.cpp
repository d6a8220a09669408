// Relay: what waits goes to a file, and what is said when the disk is full.
#include "http/upstream/relay.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace sluice;
using http::upstream::Relay;

namespace {

class RelayTest : public testing::Test {
 protected:
    RelayTest() {
        EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
        where_.path = folder_;
    }
    ~RelayTest() override { ::rmdir(folder_.c_str()); }

    std::string folder_ = "/tmp/relay-XXXXXX";
    http::TempPath where_;
    Arena arena_;
    Relay relay_{arena_};
};

/// Files of this process grow no further.
class FullDisk {
 public:
    explicit FullDisk(rlim_t most) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{most, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    FullDisk(const FullDisk&) = delete;
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

 private:
    rlimit before_{};
    sighandler_t handler_ = ::signal(SIGXFSZ, SIG_IGN);
};

TEST_F(RelayTest, SpillsWhatWaitsInMemory) {
    relay_.add("some");
    relay_.add("thing");
    const Result<Text> made = relay_.spill(where_, nullptr);
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->starts_with(folder_));
    EXPECT_EQ(relay_.in_memory(), 0);
    EXPECT_EQ(relay_.file_size(), 9);
    EXPECT_EQ(relay_.take().size(), 9);
    relay_.release();
    EXPECT_EQ(relay_.file_size(), 0);
}

TEST_F(RelayTest, NamesTheFileThatCannotBeWritten) {
    relay_.add("some");
    const Result<Text> made = relay_.spill(where_, nullptr);
    ASSERT_TRUE(made);
    const FullDisk disk(6);
    relay_.add("thing");
    const Result<Text> failed = relay_.spill(where_, nullptr);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().text, "pwrite() \"" + std::string(*made) + "\" failed");
    EXPECT_EQ(failed.error().number, EFBIG);
}

}  // namespace
