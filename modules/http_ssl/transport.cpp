// TlsTransport: the handshake and reading. Writing is in transport_write.cpp.
#include "transport.h"

#include <openssl/err.h>
#include <sluice/event/buffer_pool.h>
#include <sluice/event/loop.h>

#include "error_queue.h"

namespace sluice::tls {

using event::Connection;
using event::Received;

namespace {

/// Most bytes of answers to a peer's KeyUpdates and wishes for a renegotiation that wait for it to read them.
constexpr uint32_t kMostAnswers = 16 * 1024;

/// A record of a handshake (RFC 8446 §5.1), or the hello of SSLv2, which OpenSSL refuses in its own words.
bool begins_handshake(char first) {
    constexpr char kHandshake = 22;
    return first == kHandshake || (static_cast<unsigned char>(first) & 0x80U) != 0;
}

/// The error on top of OpenSSL's queue, which is empty then; its source says whether the peer is to blame.
Error take_error(Text what) {
    const bool is_peers_fault = level_of_failure() == LogLevel::info;
    Error error = make_error(what);
    error.source = is_peers_fault ? ErrorSource::client : ErrorSource::internal;
    return error;
}

}  // namespace

TlsTransport::TlsTransport(UniqueSsl ssl, Side side, event::Loop& loop, event::HandshakeHandler& handler,
                           const TransportOptions& options)
    : ports_{.incoming = {}, .outgoing = Wire(loop), .key_taker = *this},
      ssl_(std::move(ssl)),
      session_context_(SSL_get_SSL_CTX(ssl_.get())),
      handler_(handler),
      loop_(loop),
      kernel_(*options.kernel),
      record_size_(options.record_size, options.adapts),
      is_server_(side == Side::server),
      reads_early_(is_server_ && options.takes_early_data) {
    BIO* const bio = make_record_bio(ports_);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    if (is_server_) {
        SSL_set_accept_state(ssl_.get());
    } else {
        SSL_set_connect_state(ssl_.get());
    }
}

Text TlsTransport::protocol() const {
    const unsigned char* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
}

void TlsTransport::start(Connection& connection) {
    has_begun_ = true;
    if (!shake_hands(connection) && connection.is_open() && !is_broken_) flush(connection);
}

void TlsTransport::on_raw_received(Connection& connection, Received& raw) {
    if (is_broken_ || was_closed_properly_ || raw.bytes().empty()) return;
    if (!has_begun_ && !begins_handshake(raw.bytes().front())) {
        handler_.on_not_secure(raw);
        return;
    }
    if (!has_begun_) {
        has_begun_ = true;
        handler_.on_handshake_begun();
    }
    ports_.incoming = raw.bytes();
    if (is_secured_ || shake_hands(connection)) read_records(connection);
    ports_.incoming = {};
    // What the handshake, or an update of keys, has to say besides what the user has sent meanwhile.
    if (!connection.is_open() || is_broken_) return;
    const event::SendState state = flush(connection);
    if (state == event::SendState::failed) {
        // A reset that came with these bytes: the failed send has taken the error with it, and nobody else would
        // hear.
        is_broken_ = true;
        tell_failed(connection, connection.send_failure());
    } else if (state == event::SendState::pending && answers_ > kMostAnswers) {
        is_broken_ = true;
        Error error("the peer does not read the answers to its handshake messages");
        error.source = ErrorSource::client;
        tell_failed(connection, error);
    }
}

// --- the handshake ---

/// True once it is done and the user still wants the connection.
bool TlsTransport::shake_hands(Connection& connection) {
    clear_errors();
    if (reads_early_) return take_early_data(connection);
    shaking_ = &connection;
    const int result = SSL_do_handshake(ssl_.get());
    shaking_ = nullptr;
    if (result == 1) {
        settle_handshake();
        return connection.is_open();
    }
    if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) fail_handshake(connection);
    return false;
}

void TlsTransport::settle_handshake() {
    is_secured_ = true;
    handler_.on_secured();
}

/// The first early data ends the handshake as far as the user is concerned (RFC 8446 §2.3); reading goes on behind
/// it.
bool TlsTransport::take_early_data(Connection& connection) {
    event::PoolBuffer& buffer = take_buffer(loop_, false);
    const event::BufferHold hold(buffer);
    size_t got = 0;
    shaking_ = &connection;
    const int result = SSL_read_early_data(ssl_.get(), buffer.data, buffer.capacity, &got);
    shaking_ = nullptr;
    switch (result) {
        case SSL_READ_EARLY_DATA_FINISH: reads_early_ = false; return shake_hands(connection);
        case SSL_READ_EARLY_DATA_SUCCESS: break;
        default:
            if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_READ) fail_handshake(connection);
            return false;
    }
    settle_handshake();
    Received plain(buffer, {buffer.data, got});
    if (connection.is_open()) deliver(connection, plain);
    return connection.is_open();
}

/// All that was written so far was encrypted here, and must be in the socket before the kernel begins.
bool TlsTransport::take_keys(const void* keys) {
    if (shaking_ == nullptr) return false;
    Connection& connection = *shaking_;
    if (is_writing(connection) || !kernel_.attach(connection.fd()) || !send_at_once(connection) ||
        !kernel_.use_send_keys(connection.fd(), keys))
        return false;
    let_kernel_encrypt(connection);
    own_sent_ = connection.bytes_sent();
    return true;
}

/// The alert that OpenSSL has written is the last word.
void TlsTransport::fail_handshake(Connection& connection) {
    is_broken_ = true;
    const bool was_ended = ERR_peek_error() == 0;  // by close_notify
    Error error = take_error(was_ended ? "peer closed connection in SSL handshake" : "SSL_do_handshake() failed");
    if (is_rejected_) error.text = "handshake rejected";
    send_last_words(connection);
    handler_.on_handshake_failed(error);
}

// --- reading ---

bool TlsTransport::has_unread() const {
    return !ports_.incoming.empty() || SSL_pending(ssl_.get()) > 0;
}

void TlsTransport::read_records(Connection& connection) {
    Read how = Read::full;
    while (how == Read::full && connection.is_open() && has_unread()) {
        // Much that came together goes on together.
        event::PoolBuffer& buffer = take_buffer(loop_, ports_.incoming.size() > event::BufferPool::kSmallSize);
        const event::BufferHold hold(buffer);
        size_t size = 0;
        how = fill(buffer, size);
        if (size == 0) continue;
        Received plain(buffer, {buffer.data, size});
        deliver(connection, plain);
    }
    if (connection.is_open()) end_reading(connection, how);
}

/// Decrypts as much as fits.
TlsTransport::Read TlsTransport::fill(event::PoolBuffer& buffer, size_t& size) {
    clear_errors();
    while (size < buffer.capacity) {
        size_t got = 0;
        int result = 0;
        const uint64_t appended = ports_.outgoing.appended();
        if (reads_early_) {
            result = SSL_read_early_data(ssl_.get(), buffer.data + size, buffer.capacity - size, &got);
            if (result == SSL_READ_EARLY_DATA_FINISH) reads_early_ = false;
            // The numbers of early data are not those of other calls: 0 is the failure.
            if (result == SSL_READ_EARLY_DATA_FINISH && got == 0) continue;
        } else {
            result = SSL_read_ex(ssl_.get(), buffer.data + size, buffer.capacity - size, &got);
        }
        answers_ += static_cast<uint32_t>(ports_.outgoing.appended() - appended);
        if (wants_other_keys()) return refuse_other_keys();
        if (result == 0) return why_not_read(result);
        size += got;
        if (!has_unread()) return Read::nothing_more;
    }
    return Read::full;
}

/// Whether the peer has asked for new keys of ours (RFC 8446 §4.6.3), which the kernel can't take: up to 6.13 it
/// keeps those that it has, and OpenSSL does not hand out any others.
bool TlsTransport::wants_other_keys() const {
    return ports_.kernel_encrypts && SSL_get_key_update_type(ssl_.get()) != SSL_KEY_UPDATE_NONE;
}

/// No data may leave with the old ones any more, only that this is the end.
TlsTransport::Read TlsTransport::refuse_other_keys() {
    constexpr char kAlert[] = {SSL3_AL_FATAL, SSL_AD_INTERNAL_ERROR};
    ports_.outgoing.append_record(SSL3_RT_ALERT, {kAlert, sizeof kAlert});
    ERR_raise_data(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE, "KeyUpdate, and the kernel encrypts");
    return Read::failed;
}

TlsTransport::Read TlsTransport::why_not_read(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return Read::nothing_more;
        case SSL_ERROR_ZERO_RETURN: return Read::closed;
        default: return Read::failed;
    }
}

void TlsTransport::end_reading(Connection& connection, Read how) {
    if (how == Read::closed) {
        was_closed_properly_ = true;
        tell_peer_closed(connection);
    } else if (how == Read::failed && !is_broken_) {
        is_broken_ = true;
        const Error error = take_error("SSL_read() failed");
        send_last_words(connection);
        tell_failed(connection, error);
    }
}

}  // namespace sluice::tls
