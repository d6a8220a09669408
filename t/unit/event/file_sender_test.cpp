// Files that a thread sends: all of it arrives, in order, and whoever ends meanwhile leaves nothing behind.
#include "event/file_sender.h"

#include <sys/socket.h>
#include <unistd.h>

#include "event/fixture.h"
#include "event/thread_pool.h"

namespace sluice::event {
namespace {

constexpr size_t kSize = 5'000'000;

class FileSenderTest : public EventTest {
 protected:
    void SetUp() override {
        EventTest::SetUp();
        pool_ = std::move(*ThreadPool::create(*loop, {.name = "test", .threads = 2}));
    }
    void TearDown() override { pool_ = nullptr; }

    std::unique_ptr<ThreadPool> pool_;
};
INSTANTIATE_TEST_SUITE_P(Backends, FileSenderTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(FileSenderTest, SendsMemoryAndFilesInOrder) {
    auto [peer, fd] = tcp_pair(20'000, 20'000);
    const std::string content = pattern(kSize);
    const UniqueFd file = file_with(content);
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.send_files(300'000, pool_.get());
    Chain chain;
    chain.add(recorder.arena, "head");
    chain.add_file(recorder.arena, file.get(), 10, kSize - 10);
    chain.add(recorder.arena, "between");
    chain.add_file(recorder.arena, file.get(), 0, 5);
    EXPECT_EQ(recorder.connection.send(chain), SendState::pending);
    const std::string expected = "head" + content.substr(10) + "between" + content.substr(0, 5);
    EXPECT_TRUE(until([&] {
        peer.read(100'000);
        return recorder.sent == 1 && peer.received.size() >= expected.size();
    }));
    EXPECT_TRUE(peer.received == expected);
    EXPECT_EQ(recorder.connection.bytes_sent(), static_cast<int64_t>(expected.size()));
    EXPECT_GT(pool_->threads(), 0U);
    recorder.connection.close();
    settle();
}

TEST_P(FileSenderTest, AConnectionThatClosesMeanwhile) {
    const std::string content = pattern(kSize);
    for (int i = 0; i < 20; ++i) {
        auto [peer, fd] = tcp_pair();
        UniqueFd file = file_with(content);
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        recorder.connection.send_files(0, pool_.get());
        Chain chain;
        chain.add_file(recorder.arena, file.get(), 0, kSize);
        EXPECT_EQ(recorder.connection.send(chain), SendState::pending);
        recorder.connection.close();
        file.reset();
        EXPECT_TRUE(until([&] {
            peer.read();
            return (peer.saw_end() || peer.saw_reset()) && !recorder.connection.has_operations();
        }));
        EXPECT_TRUE(content.starts_with(peer.received));
        EXPECT_EQ(recorder.sent + recorder.failed, 0);
    }
}

TEST_P(FileSenderTest, AFileThatIsShorterThanItsRange) {
    auto [peer, fd] = tcp_pair();
    const UniqueFd file = file_with(pattern(1000));
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.send_files(0, pool_.get());
    Chain chain;
    chain.add_file(recorder.arena, file.get(), 0, 2000);
    EXPECT_EQ(recorder.connection.send(chain), SendState::pending);
    EXPECT_TRUE(until([&] { return recorder.failed == 1; }));
    EXPECT_EQ(recorder.error, 0);
    recorder.connection.close();
    settle();
}

TEST_P(FileSenderTest, AFullPoolFailsTheSend) {
    auto [peer, fd] = tcp_pair();
    const UniqueFd file = file_with(pattern(1000));
    const auto full = std::move(*ThreadPool::create(*loop, {.name = "full", .threads = 1, .max_queue = 0}));
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.send_files(0, full.get());
    Chain chain;
    chain.add_file(recorder.arena, file.get(), 0, 1000);
    EXPECT_EQ(recorder.connection.send(chain), SendState::failed);
    EXPECT_EQ(recorder.connection.send_error(), EAGAIN);
    recorder.connection.close();
    settle();
}

}  // namespace
}  // namespace sluice::event
