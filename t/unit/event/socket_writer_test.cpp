// Writing chains to sockets: what counts as written, and pieces that are records of their own.
#include "event/socket_writer.h"

#include "event/fixture.h"

namespace sluice::event {
namespace {

class SocketWriterTest : public EventTest {
 protected:
    Written write(int fd, const WriteOptions& options = {}) { return write_chain(fd, chain_, count_, options); }

    Arena arena_;
    Chain chain_;
    int64_t count_ = 0;
};

TEST_P(SocketWriterTest, AllIsWrittenOnlyWhenThereIsRoomIfThatIsWanted) {
    auto [peer, fd] = tcp_pair(20'000, 20'000);
    const std::string content = pattern(4096);
    Written written = Written::all;
    // Until nothing more fits.
    while (written == Written::all) {
        chain_.add(arena_, content);
        written = write(fd.get());
    }
    ASSERT_EQ(written, Written::blocked);
    chain_.clear();
    EXPECT_EQ(write(fd.get()), Written::all);
    EXPECT_EQ(write(fd.get(), {.wants_room = true}), Written::blocked);
    EXPECT_TRUE(until([&, &peer = peer, &fd = fd] {
        peer.read();
        return write(fd.get(), {.wants_room = true}) == Written::all;
    }));
}

/// A socket that does not encrypt takes no notice of the type.
TEST_P(SocketWriterTest, RecordsKeepTheirPlace) {
    auto [peer, fd] = tcp_pair();
    const Text alert = "alert";
    Buffer record{.begin = alert.data(), .end = alert.data() + alert.size(), .record_type = 21};
    chain_.add(arena_, "one ");
    chain_.add(arena_, "two ");
    chain_.append(record);
    chain_.add(arena_, " three");
    iovec pieces[8];
    const Buffer* next = nullptr;
    EXPECT_EQ(gather(chain_, pieces, next), 2U);
    EXPECT_EQ(next, &record);
    EXPECT_EQ(write(fd.get()), Written::all);
    EXPECT_EQ(count_, 19);
    EXPECT_TRUE(until([&peer = peer] { return peer.read(), peer.received == "one two alert three"; }));
}

INSTANTIATE_TEST_SUITE_P(Backends, SocketWriterTest, testing::Values(BackendKind::epoll), backend_name);

}  // namespace
}  // namespace sluice::event
