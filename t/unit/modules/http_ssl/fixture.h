// A server's connection with a TlsTransport on it, whose other end is the test's.
#pragma once

#include <memory>
#include <string>

#include "http_ssl/transport.h"
#include "modules/http_ssl/peer.h"

namespace sluice::tls::test {

class HandshakeRecorder : public event::HandshakeHandler {
 public:
    void on_secured() override { ++secured; }
    void on_handshake_failed(const Error& error) override { failure = error.text; }
    void on_not_secure(event::Received& raw) override { plain = raw.bytes(); }

    int secured = 0;
    std::string failure;
    std::string plain;
};

class ServerTest : public event::EventTest {
 protected:
    void SetUp() override {
        EventTest::SetUp();
        context_ = make_server_context();
    }
    void TearDown() override {
        if (server_ == nullptr) return;
        server_->connection.close();
        server_->connection.set_transport(nullptr);
        until([this] { return server_->can_be_buried(); });
        transport_.reset();
        server_.reset();
    }

    /// The other end of the connection. `buffer`: see tcp_pair().
    event::Peer open(const TransportOptions& options = {}, int buffer = 0) {
        auto [peer, fd] = tcp_pair(buffer, buffer);
        server_ = std::make_unique<event::Recorder>(*loop);
        transport_ = std::make_unique<TlsTransport>(UniqueSsl(SSL_new(context_.get())), TlsTransport::Side::server,
                                                    *loop, handler_, options);
        server_->connection.set_transport(transport_.get());
        server_->connection.open(std::move(fd));
        return std::move(peer);
    }

    UniqueContext context_;
    HandshakeRecorder handler_;
    std::unique_ptr<TlsTransport> transport_;
    std::unique_ptr<event::Recorder> server_;
};

}  // namespace sluice::tls::test
