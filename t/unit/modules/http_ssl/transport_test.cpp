// TlsTransport between a connection and a client of OpenSSL's own, on every backend: handshakes in pieces, both
// directions, ends that are announced and ends that are not, what is no TLS.
#include "http_ssl/transport.h"

#include "modules/http_ssl/fixture.h"

namespace sluice::tls::test {
namespace {

class TransportTest : public ServerTest {
 protected:
    bool shake_hands(TlsPeer& peer) {
        return until([&] { return peer.shake_hands() && handler_.secured == 1; });
    }
};

TEST_P(TransportTest, BytesGoBothWays) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    EXPECT_TRUE(transport_->is_secured());
    server_->echoes = true;
    peer.write("hello");
    ASSERT_TRUE(until([&] { return peer.read(), peer.received == "hello"; }));
    EXPECT_EQ(server_->received, "hello");
    EXPECT_EQ(handler_.secured, 1);
    EXPECT_EQ(server_->connection.user_bytes_sent(), 5);
}

TEST_P(TransportTest, HandshakeOfSingleBytes) {
    TlsPeer peer(open(), 1);
    ASSERT_TRUE(shake_hands(peer));
    EXPECT_EQ(server_->received, "");
}

TEST_P(TransportTest, LargeChainIsToldWhenItHasGone) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    const std::string sent = pattern(4 << 20U);
    event::Chain chain;
    chain.add(server_->arena, sent);
    const event::SendState state = server_->connection.send(chain);
    EXPECT_NE(state, event::SendState::failed);
    ASSERT_TRUE(until([&] { return peer.read(), peer.received.size() >= sent.size(); }));
    EXPECT_EQ(peer.received, sent);
    EXPECT_TRUE(until([&] { return !server_->connection.is_sending(); }));
    EXPECT_EQ(server_->sent, state == event::SendState::pending ? 1 : 0);
    EXPECT_EQ(server_->connection.user_bytes_sent(), static_cast<int64_t>(sent.size()));
}

TEST_P(TransportTest, EndsAreToldApart) {
    TlsPeer polite(open());
    ASSERT_TRUE(shake_hands(polite));
    polite.write("last");
    polite.say_goodbye();
    ASSERT_TRUE(until([&] { return server_->peer_closed == 1; }));
    EXPECT_EQ(server_->received, "last");
    EXPECT_TRUE(transport_->is_end_announced());
}

TEST_P(TransportTest, TruncationIsNoAnnouncedEnd) {
    TlsPeer rude(open());
    ASSERT_TRUE(shake_hands(rude));
    rude.write("cut");
    rude.wire().finish();
    ASSERT_TRUE(until([&] { return server_->peer_closed == 1; }));
    EXPECT_EQ(server_->received, "cut");
    EXPECT_FALSE(transport_->is_end_announced());
}

TEST_P(TransportTest, ClosingSaysGoodbye) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    settle();  // words behind a ticket that is still on its way would not go at once
    server_->connection.close();
    EXPECT_TRUE(until([&] { return peer.read(), peer.heard_goodbye(); }));
}

TEST_P(TransportTest, PlainTextIsNoHandshake) {
    event::Peer peer = open();
    peer.write("GET / HTTP/1.1\r\n");
    ASSERT_TRUE(until([&] { return !handler_.plain.empty(); }));
    EXPECT_EQ(handler_.plain, "GET / HTTP/1.1\r\n");
    EXPECT_EQ(handler_.secured, 0);
    EXPECT_EQ(handler_.failure, "");
}

TEST_P(TransportTest, GarbageBehindTheFirstByteFails) {
    event::Peer peer = open();
    peer.write(Text("\x16\x03\x01\x00\x05nonsense", 13));
    ASSERT_TRUE(until([&] { return !handler_.failure.empty(); }));
    EXPECT_EQ(handler_.secured, 0);
    EXPECT_EQ(handler_.plain, "");
}

TEST_P(TransportTest, RecordThatWasTamperedWithFails) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    peer.wire().write(
        Text("\x17\x03\x03\x00\x20"
             "0123456789abcdef0123456789abcdef",
             37));
    ASSERT_TRUE(until([&] { return server_->failed == 1; }));
    EXPECT_EQ(server_->received, "");
}

/// Each wish for new keys is answered, and the answers must wait for a peer that does not read.
TEST_P(TransportTest, AnswersThatNobodyReadsAreBounded) {
    TlsPeer peer(open({}, 4096));
    ASSERT_TRUE(shake_hands(peer));
    constexpr int kMost = 20000;
    int asked = 0;
    for (; asked < kMost && server_->failed == 0; ++asked) {
        peer.ask_for_new_keys();
        loop->turn({0});
    }
    EXPECT_LT(asked, kMost);
    EXPECT_EQ(server_->error_text, "the peer does not read the answers to its handshake messages");
}

INSTANTIATE_TEST_SUITE_P(Backends, TransportTest, testing::ValuesIn(event::working_backends()), event::backend_name);

}  // namespace
}  // namespace sluice::tls::test
