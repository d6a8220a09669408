// Buffers that users hold, and what becomes of connections when there are none left.
#include "event/fixture.h"

namespace sluice::event {
namespace {

class BuffersTest : public EventTest {};
INSTANTIATE_TEST_SUITE_P(Backends, BuffersTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(BuffersTest, HeldBuffersKeepTheirBytes) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.keeps_buffers = true;
    recorder.connection.open(std::move(fd));
    std::string sent;
    for (int i = 0; i < 600; ++i) {
        const std::string word = "word number " + std::to_string(i);
        peer.write(word);
        sent += word;
        ASSERT_TRUE(until([&] { return recorder.received.size() == sent.size(); }));
    }
    EXPECT_EQ(recorder.received, sent);
    EXPECT_EQ(recorder.held.size(), 600U);
    recorder.connection.close();
    recorder.held.clear();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(BuffersTest, WhenAllBuffersAreHeldReceivingWaitsForOne) {
    loop->buffers().set_bound(BufferPool::Kind::small, 300);
    loop->buffers().set_bound(BufferPool::Kind::bulk, 0);
    auto [hoarder_peer, hoarder_fd] = unix_pair();
    auto [peer, fd] = unix_pair();
    Recorder hoarder(*loop);
    Recorder victim(*loop);
    hoarder.keeps_buffers = true;
    hoarder.connection.open(std::move(hoarder_fd));
    victim.connection.open(std::move(fd));
    const auto is_exhausted = [&, &from = hoarder_peer] {
        from.write("x");
        return !loop->buffers().has_free(BufferPool::Kind::small) && hoarder.held.size() == 300;
    };
    ASSERT_TRUE(until(is_exhausted));
    peer.write("hungry");
    peer.finish();
    settle(10);
    EXPECT_EQ(victim.received, "");
    EXPECT_EQ(victim.peer_closed, 0);
    hoarder.keeps_buffers = false;
    hoarder.held.clear();
    ASSERT_TRUE(until([&] { return victim.peer_closed == 1; }));
    EXPECT_EQ(victim.received, "hungry");
    const size_t before = hoarder.received.size();
    hoarder_peer.write("y");
    EXPECT_TRUE(until([&] { return hoarder.received.size() > before && hoarder.received.back() == 'y'; }));
    victim.connection.close();
    hoarder.connection.close();
    EXPECT_TRUE(until([&] { return !victim.connection.has_operations() && !hoarder.connection.has_operations(); }));
}

/// Resumes another connection when something comes.
struct Resumer : Recorder {
    Resumer(Loop& loop, Connection& resumed) : Recorder(loop), other(resumed) {}
    void on_received(Received& delivery) override {
        other.resume();
        Recorder::on_received(delivery);
    }
    Connection& other;
};

TEST_P(BuffersTest, WhoIsResumedWhileThereIsNoneGetsWhatWasKeptAndWhatFollows) {
    constexpr size_t kAll = 300;
    loop->buffers().set_bound(BufferPool::Kind::small, kAll);
    loop->buffers().set_bound(BufferPool::Kind::bulk, 0);
    auto [hoarder_peer, hoarder_fd] = unix_pair();
    auto [trigger_peer, trigger_fd] = unix_pair();
    auto [peer, fd] = unix_pair();
    Recorder hoarder(*loop);
    Recorder victim(*loop);
    Resumer trigger(*loop, victim.connection);
    hoarder.keeps_buffers = true;
    hoarder.connection.open(std::move(hoarder_fd));
    victim.connection.open(std::move(fd));
    trigger.connection.open(std::move(trigger_fd));
    settle();
    victim.connection.pause();
    peer.write("kept, ");
    settle();
    // One is with the victim, where the backend receives ahead; the last one is for the trigger.
    ASSERT_TRUE(until([&, &from = hoarder_peer] {
        if (hoarder.held.size() < kAll - 2) from.write("x");
        return hoarder.held.size() == kAll - 2;
    }));
    settle();
    trigger_peer.write("t");
    peer.write("and more");
    settle();
    hoarder.held.clear();
    EXPECT_TRUE(until([&] { return victim.received == "kept, and more"; })) << victim.received;
    for (Recorder* one : {&hoarder, &victim, static_cast<Recorder*>(&trigger)}) {
        one->connection.close();
        EXPECT_TRUE(until([&] { return !one->connection.has_operations(); }));
    }
}

}  // namespace
}  // namespace sluice::event
