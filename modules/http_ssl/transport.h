// TlsTransport: TLS on a connection, either side. OpenSSL works on memory only: records come from the delivery that
// is going on and leave, several in one send, through a Wire.
//
//   raw bytes ─► handshake ─► on_secured() ─► SSL_read ─► deliver()
//   send() ─► records gathered (RecordSize) ─► SSL_write ─► Wire ─► send_raw() ─ on_raw_sent() ─► the next ones
//
// Where the kernel has taken the keys for sending, chains leave as they are, and only alerts and messages of
// handshakes come through OpenSSL and the Wire, as plain pieces with a type.
#pragma once

#include <cstdint>

#include <sluice/core/log/log.h>
#include <sluice/event/chain.h>
#include <sluice/event/secure_transport.h>

#include "kernel_tls.h"
#include "openssl.h"
#include "record_bio.h"
#include "record_size.h"

namespace sluice::tls {

struct TransportOptions {
    /// Most plain bytes of a record; `adapts`: the first ones of a burst are smaller (see RecordSize).
    uint32_t record_size = RecordSize::kLargest;
    bool adapts = true;
    /// Data may come before the handshake ends (server only).
    bool takes_early_data = false;
    const KernelTls* kernel = &kKernelTls;  ///< asked where SSL_OP_ENABLE_KTLS is set
};

/// What somebody else keeps for a connection as long as its transport lives.
class TransportCompanion {
 public:
    virtual ~TransportCompanion() = default;
};

class TlsTransport : public event::SecureTransport, private KeyTaker {
 public:
    enum class Side : uint8_t { server, client };

    /// `ssl` is fresh, made for its side and configured; the transport puts its own pointer into the app data of it.
    /// All references outlive the transport.
    TlsTransport(UniqueSsl ssl, Side side, event::Loop& loop, event::HandshakeHandler& handler,
                 const TransportOptions& options);
    /// The transport that an SSL belongs to.
    static TlsTransport& of(const SSL* ssl) { return *static_cast<TlsTransport*>(SSL_get_app_data(ssl)); }

    // event::SecureTransport
    void start(event::Connection& connection) override;
    bool is_secured() const override { return is_secured_; }
    Text protocol() const override;
    bool is_end_announced() const override { return was_closed_properly_; }

    // event::Transport
    void on_raw_received(event::Connection& connection, event::Received& raw) override;
    event::SendState send(event::Connection& connection, event::Chain& plain) override;
    bool on_raw_sent(event::Connection& connection) override;
    bool on_raw_closed(event::Connection& connection) override;
    void on_close(event::Connection& connection) override;
    void on_shutdown_write(event::Connection& connection) override;
    bool sends_files() const override { return ports_.kernel_encrypts; }
    int64_t plain_sent(const event::Connection& connection) const override;

    std::unique_ptr<TransportCompanion> companion;

    SSL* ssl() const { return ssl_.get(); }
    /// The context that sessions belong to: the one it began with, whatever a name has chosen since.
    SSL_CTX* session_context() const { return session_context_; }
    event::HandshakeHandler& handler() const { return handler_; }
    /// Whether the client has named the server that it wants, and there is one of that name (RFC 6066 §3).
    bool has_chosen_server() const { return has_chosen_server_; }
    void note_chosen_server() { has_chosen_server_ = true; }
    /// What fails the handshake now is that this server takes none (ssl_reject_handshake).
    void note_rejection() { is_rejected_ = true; }
    void set_record_size(uint32_t most, bool adapts) { record_size_ = RecordSize(most, adapts); }

 private:
    enum class Read : uint8_t { nothing_more, full, closed, failed };

    bool shake_hands(event::Connection& connection);
    void settle_handshake();
    bool take_early_data(event::Connection& connection);
    void fail_handshake(event::Connection& connection);
    void read_records(event::Connection& connection);
    Read fill(event::PoolBuffer& buffer, size_t& size);
    bool wants_other_keys() const;
    Read refuse_other_keys();
    Read why_not_read(int result);
    void end_reading(event::Connection& connection, Read how);
    bool has_unread() const;

    event::SendState pump(event::Connection& connection);
    bool write_batch();
    bool write(Text record);
    event::SendState flush(event::Connection& connection);
    bool send_at_once(event::Connection& connection);
    void send_last_words(event::Connection& connection);
    bool say_goodbye();
    // KeyTaker
    bool take_keys(const void* keys) override;

    RecordPorts ports_;
    UniqueSsl ssl_;
    SSL_CTX* session_context_;
    event::HandshakeHandler& handler_;
    event::Chain plain_;  ///< the user's, not encrypted yet
    int64_t plain_sent_ = 0;
    int64_t own_sent_ = 0;  ///< the kernel encrypts: what was not the user's, or is not and is on its way
    event::Loop& loop_;
    const KernelTls& kernel_;
    event::Connection* shaking_ = nullptr;  ///< while a step of the handshake goes on
    RecordSize record_size_;
    uint32_t answers_ = 0;  ///< bytes that reading had OpenSSL write, and that wait for the peer to read
    bool is_server_ : 1;
    bool reads_early_ : 1;  ///< early data may come
    bool is_secured_ : 1 = false;
    bool has_begun_ : 1 = false;  ///< bytes of a handshake came
    bool is_broken_ : 1 = false;  ///< OpenSSL failed: nothing more can be said
    bool said_goodbye_ : 1 = false;
    bool was_closed_properly_ : 1 = false;
    bool has_chosen_server_ : 1 = false;
    bool is_rejected_ : 1 = false;
};

}  // namespace sluice::tls
