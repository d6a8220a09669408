// TlsTransport with a kernel that takes over encrypting, played by the test: what is sent after that is plain and in
// order, and where the kernel does not want to, nothing changes.
#include "http_ssl/kernel_tls.h"

#include <linux/tls.h>
#include <poll.h>

#include "modules/http_ssl/fixture.h"

namespace sluice::tls::test {
namespace {

/// What the played kernel does, and what it was asked.
struct Kernel {
    bool has_tls = true;
    bool knows_cipher = true;
    int attached = 0;
    int keys = 0;
    uint16_t cipher = 0;
};
Kernel kernel;

bool attach(int) {
    ++kernel.attached;
    return kernel.has_tls;
}

bool use_send_keys(int, const void* keys) {
    ++kernel.keys;
    kernel.cipher = static_cast<const tls_crypto_info*>(keys)->cipher_type;
    return kernel.knows_cipher;
}

constexpr KernelTls kPlayedKernel{.attach = attach, .use_send_keys = use_send_keys};

class KernelTlsTest : public ServerTest {
 protected:
    void SetUp() override {
        ServerTest::SetUp();
        kernel = {};
        SSL_CTX_set_options(context_.get(), SSL_OP_ENABLE_KTLS);
        SSL_CTX_set_num_tickets(context_.get(), 1);
    }

    event::Peer open(int buffer = 0) { return ServerTest::open({.kernel = &kPlayedKernel}, buffer); }
    /// What comes behind that is not for the peer's OpenSSL.
    bool shake_hands(TlsPeer& peer) {
        return until([&] { return handler_.secured == 1 || (peer.shake_hands() && handler_.secured == 1); });
    }
    /// What the kernel would encrypt, as far as it has come, up to this.
    bool sends(TlsPeer& peer, Text end) {
        return until([&] { return peer.wire().read(), peer.wire().received.ends_with(end); });
    }
};

TEST_P(KernelTlsTest, ChainsLeaveAsTheyAre) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    ASSERT_EQ(kernel.keys, 1);
    EXPECT_EQ(kernel.cipher, TLS_CIPHER_AES_GCM_256);
    EXPECT_TRUE(transport_->sends_files());
    const std::string content = pattern(1 << 20U);
    const UniqueFd file = file_with(content);
    event::Chain chain;
    chain.add(server_->arena, "head");
    chain.add_file(server_->arena, file.get(), 0, static_cast<int64_t>(content.size()));
    ASSERT_NE(server_->connection.send(chain), event::SendState::failed);
    ASSERT_TRUE(sends(peer, "head" + content));
    EXPECT_TRUE(until([&] { return !server_->connection.is_sending(); }));
    // The ticket is in front of it, as a message of the handshake.
    constexpr char kNewSessionTicket = 4;
    EXPECT_EQ(peer.wire().received.front(), kNewSessionTicket);
    EXPECT_EQ(server_->connection.user_bytes_sent(), static_cast<int64_t>(content.size()) + 4);
}

TEST_P(KernelTlsTest, ClosingSaysGoodbyeAsARecordOfItsOwn) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    settle();
    server_->connection.close();
    EXPECT_TRUE(sends(peer, Text("\x01\x00", 2)));
    EXPECT_TRUE(until([&] { return peer.wire().read(), peer.wire().saw_end(); }));
}

/// The kernel may hold back the end of what it has taken until there is.
TEST_P(KernelTlsTest, WhatIsSentLeavesRoomForMore) {
    TlsPeer peer(open(20'000));
    ASSERT_TRUE(shake_hands(peer));
    pollfd socket{.fd = server_->connection.fd(), .events = POLLOUT, .revents = 0};
    const std::string content = pattern(200'000);
    for (const size_t size : {200'000, 1'000, 100'000, 15'000, 15'000}) {
        event::Chain chain;
        chain.add(server_->arena, Text(content).substr(0, size));
        ASSERT_NE(server_->connection.send(chain), event::SendState::failed);
        // The peer takes a little, only as long as that is needed.
        ASSERT_TRUE(until([&] {
            if (!server_->connection.is_sending()) return true;
            peer.wire().read(8000);
            return false;
        }));
        EXPECT_EQ(::poll(&socket, 1, 0), 1);
    }
}

TEST_P(KernelTlsTest, NewKeysAreTheEnd) {
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    peer.write("before");
    peer.ask_for_new_keys();
    peer.write("behind");
    ASSERT_TRUE(until([&] { return server_->failed == 1; }));
    EXPECT_EQ(server_->received, "before");
    EXPECT_NE(server_->error_text.find("KeyUpdate, and the kernel encrypts"), std::string::npos);
    EXPECT_TRUE(sends(peer, Text("\x02\x50", 2)));
}

TEST_P(KernelTlsTest, KernelWithoutTls) {
    kernel.has_tls = false;
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    EXPECT_EQ(kernel.attached, 1);
    EXPECT_EQ(kernel.keys, 0);
    EXPECT_FALSE(transport_->sends_files());
    server_->echoes = true;
    peer.write("hello");
    EXPECT_TRUE(until([&] { return peer.read(), peer.received == "hello"; }));
}

TEST_P(KernelTlsTest, KernelThatDoesNotKnowTheCipher) {
    kernel.knows_cipher = false;
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    EXPECT_EQ(kernel.keys, 1);
    server_->echoes = true;
    peer.write("hello");
    EXPECT_TRUE(until([&] { return peer.read(), peer.received == "hello"; }));
}

TEST_P(KernelTlsTest, WithoutTheOptionNobodyAsks) {
    SSL_CTX_clear_options(context_.get(), SSL_OP_ENABLE_KTLS);
    TlsPeer peer(open());
    ASSERT_TRUE(shake_hands(peer));
    EXPECT_EQ(kernel.attached, 0);
}

/// The rest of it waits, and what comes behind has to be encrypted here.
TEST_P(KernelTlsTest, HandshakeThatDoesNotFitIntoTheSocket) {
    const std::string bulk = pattern(90'000);
    UniqueCertificate large(X509_dup(SSL_CTX_get0_certificate(context_.get())));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(large.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("large"), -1, -1, 0);
    ASN1_OCTET_STRING* const text = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(text, reinterpret_cast<const unsigned char*>(bulk.data()), static_cast<int>(bulk.size()));
    X509_EXTENSION* const extension = X509_EXTENSION_create_by_NID(nullptr, NID_netscape_comment, 0, text);
    X509_add_ext(large.get(), extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(text);
    X509_sign(large.get(), SSL_CTX_get0_privatekey(context_.get()), EVP_sha256());
    ASSERT_EQ(SSL_CTX_add1_chain_cert(context_.get(), large.get()), 1);
    TlsPeer peer(open(4000));
    ASSERT_TRUE(until([&] { return peer.shake_hands() && handler_.secured == 1; }));
    EXPECT_EQ(kernel.attached, 1);
    EXPECT_EQ(kernel.keys, 0);
    server_->echoes = true;
    peer.write("hello");
    EXPECT_TRUE(until([&] { return peer.read(), peer.received == "hello"; }));
}

INSTANTIATE_TEST_SUITE_P(Backends, KernelTlsTest, testing::ValuesIn(event::working_backends()), event::backend_name);

}  // namespace
}  // namespace sluice::tls::test
