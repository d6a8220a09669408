// TlsTransport: writing. Pieces of a chain are gathered into records, records into one send.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sluice/event/loop.h>
#include <unistd.h>

#include "error_queue.h"
#include "transport.h"

namespace sluice::tls {

using event::Connection;
using event::SendState;

namespace {

/// Plain bytes that are encrypted before they are handed over: what a bulk buffer of the pool holds.
constexpr int64_t kBatch = 7 * int64_t{RecordSize::kLargest};

/// Where pieces that are smaller than a record meet. One for the worker: it is empty between two calls.
char* gathering_room() {
    static char room[RecordSize::kLargest];
    return room;
}

/// Reads a range of a file as far as `size` goes; false when it is shorter than it said, or can't be read.
bool read_file(const event::Buffer& range, char* to, size_t size) {
    int64_t at = range.file_begin;
    while (size > 0) {
        const ssize_t got = ::pread(range.fd, to, size, at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

/// The next `most` bytes of a chain, or all it has: in place where one piece of memory has them, else gathered. A
/// null Text when a file failed.
Text next_record(const event::Chain& chain, size_t most) {
    const event::Buffer* piece = chain.head();
    const auto wanted = std::min(most, static_cast<size_t>(chain.size()));
    if (!piece->is_file() && static_cast<size_t>(piece->size()) >= wanted) return piece->text().substr(0, wanted);
    char* const room = gathering_room();
    size_t size = 0;
    for (; size < wanted; piece = piece->next) {
        const size_t taken = std::min(static_cast<size_t>(piece->size()), wanted - size);
        if (!piece->is_file()) {
            if (taken != 0) std::memcpy(room + size, piece->begin, taken);
        } else if (!read_file(*piece, room + size, taken)) {
            return {};
        }
        size += taken;
    }
    return {room, size};
}

}  // namespace

SendState TlsTransport::send(Connection& connection, event::Chain& plain) {
    record_size_.begin(loop_.now(), plain.size());
    plain_.splice(plain);
    if (is_broken_ || said_goodbye_) {
        plain_.clear();
        return SendState::failed;
    }
    return is_secured_ ? pump(connection) : SendState::pending;
}

/// Encrypts and hands over until all has gone or the kernel takes no more.
SendState TlsTransport::pump(Connection& connection) {
    for (;;) {
        if (!ports_.kernel_encrypts && !write_batch()) {
            is_broken_ = true;
            plain_.clear();
            clear_errors();
            return SendState::failed;
        }
        const SendState state = flush(connection);
        if (state == SendState::failed) {
            is_broken_ = true;
            plain_.clear();
        }
        if (state != SendState::done || plain_.empty()) return state;
    }
}

bool TlsTransport::write_batch() {
    clear_errors();
    int64_t left = std::min(kBatch, plain_.size());
    constexpr int64_t kOverhead = 64;  // of a record, whatever the cipher
    ports_.outgoing.expect(left + kOverhead);
    while (left > 0) {
        const Text record = next_record(plain_, std::min<size_t>(record_size_.next(), static_cast<size_t>(left)));
        if (record.data() == nullptr || !write(record)) return false;
        record_size_.add(record.size());
        plain_.consume(static_cast<int64_t>(record.size()));
        plain_sent_ += static_cast<int64_t>(record.size());
        left -= static_cast<int64_t>(record.size());
    }
    return true;
}

/// The BIO takes everything, so that nothing is ever written in part. Before the handshake has ended, answers to
/// early data leave with the keys that are there already.
bool TlsTransport::write(Text record) {
    size_t put = 0;
    if (is_server_ && SSL_is_init_finished(ssl_.get()) == 0)
        return SSL_write_early_data(ssl_.get(), record.data(), record.size(), &put) == 1;
    return SSL_write_ex(ssl_.get(), record.data(), record.size(), &put) == 1;
}

SendState TlsTransport::flush(Connection& connection) {
    event::Chain chain = ports_.outgoing.give();
    if (ports_.kernel_encrypts) {
        own_sent_ += chain.size();
        if (is_secured_) chain.splice(plain_);
    }
    if (chain.empty()) return SendState::done;
    const SendState state = send_raw(connection, chain);
    if (state == SendState::done) {
        ports_.outgoing.release();
        answers_ = 0;
    }
    return state;
}

bool TlsTransport::on_raw_sent(Connection& connection) {
    ports_.outgoing.release();
    answers_ = 0;
    if (plain_.empty()) return true;
    const SendState state = pump(connection);
    if (state == SendState::failed) tell_failed(connection, connection.send_failure());
    return state == SendState::done;
}

bool TlsTransport::on_raw_closed(Connection&) {
    return was_closed_properly_;
}

/// Writes close_notify (RFC 8446 §6.1) once; false when there is nothing to say it to.
bool TlsTransport::say_goodbye() {
    if (said_goodbye_) return false;
    said_goodbye_ = true;
    // Without an end in both directions, OpenSSL would take a session for broken and forget it.
    if (is_broken_ || !is_secured_ || SSL_in_init(ssl_.get()) != 0) {
        SSL_set_quiet_shutdown(ssl_.get(), 1);
        SSL_shutdown(ssl_.get());
        return false;
    }
    clear_errors();
    SSL_shutdown(ssl_.get());
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return true;
}

/// False: something is left, or on its way.
bool TlsTransport::send_at_once(Connection& connection) {
    while (const event::Buffer* piece = ports_.outgoing.front()) {
        const auto size = static_cast<size_t>(piece->size());
        const size_t sent = SecureTransport::send_at_once(connection, *piece);
        if (ports_.kernel_encrypts) own_sent_ += static_cast<int64_t>(sent);
        ports_.outgoing.consume(sent);
        if (sent < size) return false;
    }
    return true;
}

void TlsTransport::send_last_words(Connection& connection) {
    send_at_once(connection);
    ports_.outgoing.drop();
}

int64_t TlsTransport::plain_sent(const Connection& connection) const {
    if (!ports_.kernel_encrypts) return plain_sent_;
    return std::max<int64_t>(connection.bytes_sent() - own_sent_, 0);
}

void TlsTransport::on_close(Connection& connection) {
    if (say_goodbye()) send_last_words(connection);
    ports_.outgoing.drop();
}

void TlsTransport::on_shutdown_write(Connection& connection) {
    if (say_goodbye()) flush(connection);
}

}  // namespace sluice::tls
