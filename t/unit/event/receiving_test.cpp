// How much a connection receives: what it keeps, and what it may be limited to, on both backends.
#include <algorithm>
#include <cstdio>

#include <sys/utsname.h>

#include "event/fixture.h"

namespace sluice::event {
namespace {

class ReceivingTest : public EventTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ReceivingTest, testing::ValuesIn(working_backends()), backend_name);

bool is_linux_before(int major, int minor) {
    utsname name{};
    int found[2] = {0, 0};
    if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &found[0], &found[1]) != 2) return false;
    return found[0] < major || (found[0] == major && found[1] < minor);
}

/// The kernel has much when the first of it is delivered, and the handler pauses.
TEST_P(ReceivingTest, LittleIsKeptOfWhatHasComeBeforeThePause) {
    if (GetParam() == BackendKind::io_uring && is_linux_before(6, 17)) GTEST_SKIP() << "a receive has no limit there";
    auto [peer, fd] = unix_pair();
    Recorder recorder(*loop);
    recorder.pauses_in = 1;
    const std::string sent = pattern(600'000);
    size_t written = peer.write(sent);
    ASSERT_GT(written, 100'000U);
    recorder.connection.open(std::move(fd));
    ASSERT_TRUE(until([&] { return recorder.connection.is_paused(); }));
    settle();
    EXPECT_LE(recorder.connection.bytes_received(), int64_t{2} * BufferPool::kSmallSize);
    // It hears of the end nevertheless, and of all that came before.
    peer.finish();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
    recorder.connection.resume();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 2; }));
    EXPECT_EQ(recorder.received, sent.substr(0, written));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ReceivingTest, ALimitHoldsForLargeBuffersToo) {
    constexpr uint32_t kMost = 40'000;
    auto [peer, fd] = unix_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.expect_bulk(true);
    recorder.connection.limit_receiving(kMost);
    const std::string sent = pattern(1'000'000);
    size_t written = 0;
    ASSERT_TRUE(until([&, &client = peer] {
        written += client.write(Text(sent).substr(written));
        return recorder.received.size() == sent.size();
    }));
    EXPECT_EQ(recorder.received, sent);
    EXPECT_EQ(*std::max_element(recorder.deliveries.begin(), recorder.deliveries.end()), kMost);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ReceivingTest, RoomForSendingIsWhatThePeerLeaves) {
    for (const bool is_unix : {false, true}) {
        auto [peer, fd] = is_unix ? unix_pair() : tcp_pair(65536, 4096);
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        const int64_t most = recorder.connection.send_room();
        EXPECT_GE(most, 65536);
        Chain some;
        some.add(recorder.arena, recorder.arena.copy(pattern(20'000)));
        recorder.connection.send(some);
        ASSERT_TRUE(until([&] { return recorder.connection.bytes_sent() == 20'000; }));
        EXPECT_LE(recorder.connection.send_room(), most - 10'000);
        Chain much;
        much.add(recorder.arena, recorder.arena.copy(pattern(4'000'000)));
        EXPECT_EQ(recorder.connection.send(much), SendState::pending);
        EXPECT_EQ(recorder.connection.send_room(), 0);
        recorder.connection.close();
        EXPECT_EQ(recorder.connection.send_room(), 0);
        EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
    }
}

}  // namespace
}  // namespace sluice::event
