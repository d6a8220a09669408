// Connections on both backends: bytes in, chains out, ends and failures in every state.
#include <algorithm>
#include <cerrno>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "event/fixture.h"

namespace sluice::event {
namespace {

class ConnectionTest : public EventTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ConnectionTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(ConnectionTest, DeliversWhatThePeerSends) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    std::string sent;
    for (const Text part : {"GET ", "/ HTTP/1.1\r\n", "\r\n"}) {
        peer.write(part);
        sent += part;
        ASSERT_TRUE(until([&] { return recorder.received == sent; }));
    }
    EXPECT_EQ(recorder.connection.bytes_received(), 18);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, EchoesMegabytesInOrder) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.echoes = true;
    recorder.connection.open(std::move(fd));
    const std::string sent = pattern(3'000'000);
    size_t written = 0;
    ASSERT_TRUE(until([&, &client = peer] {
        written += client.write(Text(sent).substr(written));
        client.read();
        return client.received.size() == sent.size();
    }));
    EXPECT_EQ(peer.received, sent);
    // The peer may have the last bytes before the loop hears that they have gone.
    EXPECT_TRUE(until([&] { return recorder.connection.bytes_sent() == 3'000'000; }));
    EXPECT_EQ(recorder.connection.bytes_received(), 3'000'000);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, BulkBuffersDeliverTheSameBytes) {
    auto [peer, fd] = unix_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    const std::string sent = pattern(4'000'000);
    size_t written = 0;
    ASSERT_TRUE(until([&, &client = peer] {
        recorder.connection.expect_bulk(written > 500'000 && written < 3'000'000);
        written += client.write(Text(sent).substr(written, 300'000));
        return recorder.received.size() == sent.size();
    }));
    EXPECT_EQ(recorder.received, sent);
    const size_t largest = *std::max_element(recorder.deliveries.begin(), recorder.deliveries.end());
    EXPECT_GT(largest, BufferPool::kSmallSize);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, SendsManyPiecesThroughATinyBuffer) {
    auto [peer, fd] = tcp_pair(4096, 4096);
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    Arena arena;
    Chain chain;
    std::string expected;
    for (unsigned i = 0; i < 300; ++i) {
        const Text piece = arena.copy(pattern(i * 3 + 1, i));
        expected += piece;
        chain.add(arena, piece);
    }
    ASSERT_EQ(recorder.connection.send(chain), SendState::pending);
    EXPECT_TRUE(chain.empty());
    EXPECT_TRUE(recorder.connection.is_sending());
    ASSERT_TRUE(until([&, &client = peer] {
        client.read(3000);
        return client.received.size() == expected.size();
    }));
    EXPECT_EQ(peer.received, expected);
    EXPECT_TRUE(until([&] { return recorder.sent == 1; }));
    EXPECT_FALSE(recorder.connection.is_sending());
    EXPECT_EQ(recorder.connection.bytes_sent(), static_cast<int64_t>(expected.size()));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, SendsFilesAndMemoryMixed) {
    auto [peer, fd] = tcp_pair(4096, 4096);
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    const std::string content = pattern(400'000);
    const UniqueFd file = file_with(content);
    Arena arena;
    Chain chain;
    chain.add(arena, "head;");
    chain.add_file(arena, file.get(), 1000, 150'000);
    chain.add(arena, ";middle;");
    chain.add_file(arena, file.get(), 399'999, 1);
    chain.add_file(arena, file.get(), 0, 100'000);
    chain.add(arena, ";tail");
    const std::string expected = "head;" + content.substr(1000, 150'000) + ";middle;" + content.substr(399'999) +
                                 content.substr(0, 100'000) + ";tail";
    ASSERT_EQ(recorder.connection.send(chain), SendState::pending);
    ASSERT_TRUE(until([&, &client = peer] {
        client.read(5000);
        return client.received.size() == expected.size();
    }));
    EXPECT_EQ(peer.received, expected);
    EXPECT_TRUE(until([&] { return recorder.sent == 1; }));
    // The connection goes on receiving afterwards.
    peer.write("more");
    EXPECT_TRUE(until([&] { return recorder.received == "more"; }));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, AFileThatWasTruncatedFailsTheSend) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    const UniqueFd file = file_with("short");
    Arena arena;
    Chain chain;
    chain.add(arena, "head;");
    chain.add_file(arena, file.get(), 0, 100);
    const SendState state = recorder.connection.send(chain);
    if (state == SendState::failed) {
        EXPECT_EQ(recorder.connection.send_error(), 0);
    } else {
        EXPECT_TRUE(until([&] { return recorder.failed == 1; }));
    }
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, PauseHoldsBackAndResumeDelivers) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.pauses_in = 1;
    recorder.connection.open(std::move(fd));
    const std::string sent = pattern(2'000'000);
    size_t written = peer.write(Text(sent).substr(0, 100));
    ASSERT_TRUE(until([&] { return recorder.received.size() == 100; }));
    for (int i = 0; i < 20; ++i) {
        written += peer.write(Text(sent).substr(written, 100'000));
        settle(2);
    }
    EXPECT_EQ(recorder.received.size(), 100U);
    EXPECT_LT(recorder.connection.bytes_received(), 400'000) << "what is kept must be bounded";
    recorder.connection.resume();
    EXPECT_EQ(recorder.received.size(), 100U) << "never from within resume()";
    int pauses = 0;
    ASSERT_TRUE(until([&, &client = peer] {
        written += client.write(Text(sent).substr(written));
        if (recorder.connection.is_paused() && ++pauses > 0) recorder.connection.resume();
        if (recorder.pauses_in == 0) recorder.pauses_in = 2;
        return recorder.received.size() == sent.size();
    }));
    EXPECT_GT(pauses, 5);
    EXPECT_EQ(recorder.received, sent);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, EndOfStreamComesAfterTheBytes) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    const std::string sent = pattern(100'000);
    ASSERT_EQ(peer.write(sent), sent.size());
    peer.finish();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
    EXPECT_EQ(recorder.received, sent);
    EXPECT_EQ(recorder.received_at_close, sent.size());
    // Half-closed: we may still answer.
    Arena arena;
    Chain chain;
    chain.add(arena, "answer");
    recorder.connection.send(chain);
    EXPECT_TRUE(until([&, &client = peer] {
        client.read();
        return client.received == "answer";
    }));
    recorder.connection.close();
    EXPECT_TRUE(until([&, &client = peer] {
        client.read();
        return client.saw_end();
    }));
    EXPECT_EQ(recorder.peer_closed, 1);
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, EndOfStreamIsToldWhilePaused) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.pause();
    peer.write("last words");
    settle();
    peer.finish();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
    EXPECT_EQ(recorder.received, "");
    recorder.connection.resume();
    ASSERT_TRUE(until([&] { return recorder.received == "last words"; }));
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 2; })) << "behind the bytes it is told again";
    EXPECT_EQ(recorder.received_at_close, recorder.received.size());
    settle();
    EXPECT_EQ(recorder.peer_closed, 2);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, EndOfStreamIsToldWhilePausedBehindManyBytes) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.connection.pause();
    const std::string sent = pattern(60'000);
    size_t written = 0;
    for (int i = 0; i < 10; ++i) {
        written += peer.write(Text(sent).substr(written, 6'000));
        settle(2);
    }
    ASSERT_EQ(written, sent.size());
    peer.finish();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
    recorder.connection.resume();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 2; }));
    EXPECT_EQ(recorder.received_at_close, sent.size());
    EXPECT_EQ(recorder.received, sent);
    settle();
    EXPECT_EQ(recorder.peer_closed, 2);
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

// Nothing was on its way when the peer closed.
TEST_P(ConnectionTest, EndOfStreamIsToldAgainWithoutBytes) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    settle();
    recorder.connection.pause();
    peer.finish();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
    recorder.connection.resume();
    ASSERT_TRUE(until([&] { return recorder.peer_closed == 2; }));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

// The owner of a chain may use its memory again as soon as the connection is closed.
TEST_P(ConnectionTest, ClosingLetsGoOfWhatWasToBeSent) {
    for (const size_t pieces : {size_t{1}, size_t{3}}) {
        auto [peer, fd] = tcp_pair();
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        settle();
        std::string memory(600, 'a');
        Arena arena;
        Chain chain;
        for (size_t i = 0; i < pieces; ++i) chain.add(arena, Text(memory).substr(i * 200, 200));
        recorder.connection.send(chain);
        recorder.connection.close();
        memory.assign(600, 'x');
        ASSERT_TRUE(until([&, &client = peer] {
            client.read();
            return client.saw_end() || client.saw_reset();
        }));
        EXPECT_EQ(peer.received.find('x'), std::string::npos);
        EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
        EXPECT_EQ(recorder.sent, 0);
    }
}

TEST_P(ConnectionTest, ResetIsAFailure) {
    for (const bool is_paused : {false, true}) {
        auto [peer, fd] = tcp_pair();
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        if (is_paused) recorder.connection.pause();
        settle();
        peer.reset();
        ASSERT_TRUE(until([&] { return recorder.failed == 1; })) << is_paused;
        EXPECT_EQ(recorder.error, ECONNRESET);
        EXPECT_EQ(recorder.error_text, "recv() failed");
        settle();
        EXPECT_EQ(recorder.failed, 1);
        EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
    }
}

TEST_P(ConnectionTest, ResetWhileSendingIsAFailure) {
    auto [peer, fd] = tcp_pair(4096, 4096);
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    Arena arena;
    Chain chain;
    chain.add(arena, arena.copy(pattern(1'000'000)));
    ASSERT_EQ(recorder.connection.send(chain), SendState::pending);
    settle();
    peer.reset();
    ASSERT_TRUE(until([&] { return recorder.failed == 1; }));
    settle();
    EXPECT_EQ(recorder.failed, 1);
    EXPECT_EQ(recorder.sent, 0);
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, SendOnAClosedConnectionFails) {
    Recorder recorder(*loop);
    Arena arena;
    Chain chain;
    chain.add(arena, "x");
    EXPECT_EQ(recorder.connection.send(chain), SendState::failed);
    EXPECT_TRUE(chain.empty());
}

TEST_P(ConnectionTest, ShutdownComesBehindWhatIsBeingSent) {
    auto [peer, fd] = tcp_pair(4096, 4096);
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    Arena arena;
    Chain chain;
    const Text sent = arena.copy(pattern(300'000));
    chain.add(arena, sent);
    ASSERT_EQ(recorder.connection.send(chain), SendState::pending);
    recorder.connection.shutdown_write();
    ASSERT_TRUE(until([&, &client = peer] {
        client.read(10'000);
        return client.saw_end();
    }));
    EXPECT_EQ(peer.received, sent);
    EXPECT_EQ(recorder.sent, 1);
    peer.write("still");
    EXPECT_TRUE(until([&] { return recorder.received == "still"; }));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, WhatIsSentBeforeTheEndLeavesAtOnce) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    settle();
    recorder.connection.expect_end();
    Chain chain;
    chain.add(recorder.arena, "the last words");
    ASSERT_EQ(recorder.connection.send(chain), SendState::done);
    peer.read();
    EXPECT_EQ(peer.received, "the last words") << "no turn of the loop is needed";
    recorder.connection.close();
    EXPECT_TRUE(until([&, &client = peer] {
        client.read();
        return client.saw_end();
    }));
    EXPECT_FALSE(peer.saw_reset());
}

/// Packets that the peer has got until it read the end.
uint32_t packets_of(Peer& peer) {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(peer.fd(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_in;
}

TEST_P(ConnectionTest, TheLastPacketCarriesTheEnd) {
    uint32_t packets[2]{};
    for (const bool joins : {false, true}) {
        auto [peer, fd] = tcp_pair();
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        settle();
        recorder.connection.expect_end();
        if (joins) recorder.connection.join_end();
        Chain chain;
        chain.add(recorder.arena, "the last words");
        ASSERT_EQ(recorder.connection.send(chain), SendState::done);
        recorder.connection.close();
        EXPECT_TRUE(until([&, &client = peer] {
            client.read();
            return client.saw_end();
        }));
        EXPECT_EQ(peer.received, "the last words");
        packets[joins ? 1 : 0] = packets_of(peer);
    }
    EXPECT_EQ(packets[1] + 1, packets[0]);
}

TEST_P(ConnectionTest, AbortResetsThePeer) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    settle();
    recorder.connection.abort();
    EXPECT_TRUE(until([&, &client = peer] {
        client.read();
        return client.saw_reset();
    }));
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, NothingIsToldAfterClose) {
    auto [peer, fd] = tcp_pair();
    Recorder recorder(*loop);
    recorder.connection.open(std::move(fd));
    recorder.closes_in = 1;
    const std::string sent = pattern(100'000);
    peer.write(sent);
    peer.finish();
    ASSERT_TRUE(until([&] { return !recorder.connection.is_open() && !recorder.connection.has_operations(); }));
    settle();
    EXPECT_EQ(recorder.deliveries.size(), 1U);
    EXPECT_EQ(recorder.peer_closed + recorder.failed, 0);
}

TEST_P(ConnectionTest, CloseInEachCallback) {
    {
        auto [peer, fd] = tcp_pair(4096, 4096);
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        Arena arena;
        Chain chain;
        chain.add(arena, arena.copy(pattern(200'000)));
        ASSERT_EQ(recorder.connection.send(chain), SendState::pending);
        recorder.closes_in = 1;
        ASSERT_TRUE(until([&, &client = peer] {
            client.read();
            return recorder.sent == 1;
        }));
        EXPECT_FALSE(recorder.connection.is_open());
        EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
    }
    {
        auto [peer, fd] = tcp_pair();
        Recorder recorder(*loop);
        recorder.connection.open(std::move(fd));
        recorder.closes_in = 1;
        peer.finish();
        ASSERT_TRUE(until([&] { return recorder.peer_closed == 1; }));
        EXPECT_FALSE(recorder.connection.is_open());
        EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
    }
}

TEST_P(ConnectionTest, ConnectsAndTalks) {
    const SocketAddress any = SocketAddress::ipv4(INADDR_LOOPBACK, 0);
    auto listening = open_listening_socket(any, {});
    ASSERT_TRUE(listening);
    Recorder recorder(*loop);
    ASSERT_TRUE(recorder.connection.connect(address_of(listening->get()), {.keepalive = true}));
    EXPECT_EQ(recorder.connected, 0) << "never from within connect()";
    ASSERT_TRUE(until([&] { return recorder.connected == 1; }));
    Peer server(UniqueFd(::accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK)));
    server.write("hello");
    ASSERT_TRUE(until([&] { return recorder.received == "hello"; }));
    Arena arena;
    Chain chain;
    chain.add(arena, "hello yourself");
    recorder.connection.send(chain);
    EXPECT_TRUE(until([&, &peer = server] {
        peer.read();
        return peer.received == "hello yourself";
    }));
    recorder.connection.close();
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, RefusedConnectIsAFailure) {
    const SocketAddress any = SocketAddress::ipv4(INADDR_LOOPBACK, 0);
    auto listening = open_listening_socket(any, {});
    ASSERT_TRUE(listening);
    const SocketAddress address = address_of(listening->get());
    listening->reset();
    Recorder recorder(*loop);
    const Result<void> started = recorder.connection.connect(address, {});
    if (!started) {
        EXPECT_EQ(started.error().number, ECONNREFUSED);
        EXPECT_FALSE(recorder.connection.is_open());
        return;
    }
    ASSERT_TRUE(until([&] { return recorder.failed == 1; }));
    EXPECT_EQ(recorder.error, ECONNREFUSED);
    EXPECT_EQ(recorder.error_text, "connect() failed");
    EXPECT_EQ(recorder.connected, 0);
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, AConnectThatTakesLongCanBeClosed) {
    // A full backlog: the handshake never completes.
    const UniqueFd listening(::socket(AF_INET, SOCK_STREAM, 0));
    const SocketAddress any = SocketAddress::ipv4(INADDR_LOOPBACK, 0);
    ASSERT_EQ(::bind(listening.get(), any.get(), any.length()), 0);
    ASSERT_EQ(::listen(listening.get(), 0), 0);
    const SocketAddress address = address_of(listening.get());
    const Peer filler = client_of(listening.get());
    Recorder first(*loop);
    Recorder second(*loop);
    ASSERT_TRUE(first.connection.connect(address, {}));
    ASSERT_TRUE(second.connection.connect(address, {}));
    settle(20);
    EXPECT_EQ(second.connected + second.failed, 0);
    first.connection.close();
    second.connection.close();
    EXPECT_TRUE(until([&] { return !first.connection.has_operations() && !second.connection.has_operations(); }));
    EXPECT_EQ(second.connected + second.failed, 0);
}

TEST_P(ConnectionTest, AnObjectMayBeUsedForTheNextSocket) {
    Recorder recorder(*loop);
    for (int i = 0; i < 50; ++i) {
        auto [peer, fd] = tcp_pair();
        const std::string word = "word " + std::to_string(i);
        recorder.received.clear();
        recorder.connection.open(std::move(fd));
        peer.write(word);
        if (i % 3 == 0) settle(1);
        if (i % 3 == 1) {
            ASSERT_TRUE(until([&] { return recorder.received == word; }));
        }
        recorder.connection.close();
    }
    EXPECT_EQ(recorder.failed + recorder.peer_closed, 0);
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, UnixConnectRefused) {
    Recorder recorder(*loop);
    const auto address = SocketAddress::unix_path("/nonexistent/socket");
    ASSERT_TRUE(address);
    const Result<void> started = recorder.connection.connect(*address, {});
    if (started) {
        ASSERT_TRUE(until([&] { return recorder.failed == 1; }));
        EXPECT_EQ(recorder.error, ENOENT);
    } else {
        EXPECT_EQ(started.error().number, ENOENT);
    }
    EXPECT_TRUE(until([&] { return !recorder.connection.has_operations(); }));
}

TEST_P(ConnectionTest, TheDeadAreBuriedWhenTheKernelIsDoneWithThem) {
    auto [peer, fd] = tcp_pair(4096, 4096);
    bool destroyed = false;
    auto* recorder = new Recorder(*loop);
    recorder->destroyed = &destroyed;
    recorder->connection.open(std::move(fd));
    Chain chain;
    chain.add(recorder->arena, recorder->arena.copy(pattern(1'000'000)));
    ASSERT_EQ(recorder->connection.send(chain), SendState::pending);
    settle();
    recorder->connection.close();
    loop->bury(recorder);
    EXPECT_FALSE(destroyed);
    EXPECT_TRUE(until([&] { return destroyed; }));
}

}  // namespace
}  // namespace sluice::event
