// Connection: what both backends share: making sockets, the transport in between, what is kept while paused.
#include "event/connection.h"

#include <cerrno>
#include <climits>
#include <memory>
#include <string>
#include <utility>

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "event/backend.h"
#include "event/buffer_pool.h"
#include "event/file_read.h"
#include "event/file_sender.h"
#include "event/loop.h"
#include "event/transport.h"

namespace sluice::event {

namespace {

bool set_option(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// IP_BIND_ADDRESS_NO_PORT: the kernel chooses the port when it knows the peer, so that ports do not run out.
Result<void> bind_to(int fd, const SocketAddress& address, bool is_transparent) {
    const int level = address.is_ipv6() ? SOL_IPV6 : SOL_IP;
    const int name = address.is_ipv6() ? IPV6_TRANSPARENT : IP_TRANSPARENT;
    if (is_transparent && !set_option(fd, level, name, 1))
        return Error(address.is_ipv6() ? "setsockopt(IPV6_TRANSPARENT) failed" : "setsockopt(IP_TRANSPARENT) failed",
                     errno);
    if (address.port() == 0 && !address.is_unix()) set_option(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (::bind(fd, address.get(), address.length()) == 0) return {};
    char room[sizeof(sockaddr_un) + 32];
    TextBuilder text(room);
    text.add("bind(");
    if (address.port() == 0) {
        address.write_host(text);
    } else {
        address.write(text);
    }
    text.add(") failed");
    return Error(text.text(), errno);
}

/// Errors that a peer, or the way to it, brings; all others are this machine's.
bool is_peers_fault(int number) {
    switch (number) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case ENOTCONN:
        case EPIPE:
        case ETIMEDOUT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH: return true;
        default: return false;
    }
}

Error make_error(const char* call, int number) {
    Error error(call, number);
    if (is_peers_fault(number)) error.source = ErrorSource::client;
    return error;
}

Result<UniqueFd> make_socket(const SocketAddress& peer, const ConnectOptions& options) {
    UniqueFd fd(::socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Error("socket() failed", errno);
    if (options.keepalive && !set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1))
        return Error("setsockopt(SO_KEEPALIVE) failed", errno);
    if (options.receive_buffer > 0 && !set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer))
        return Error("setsockopt(SO_RCVBUF) failed", errno);
    if (options.send_buffer > 0 && !set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, options.send_buffer))
        return Error("setsockopt(SO_SNDBUF) failed", errno);
    if (options.bind_to != nullptr) {
        const Result<void> bound = bind_to(fd.get(), *options.bind_to, options.is_transparent);
        if (!bound) return bound.error();
    }
    if (!peer.is_unix()) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

}  // namespace

Connection::~Connection() {
    close();
}

void Connection::begin(int fd) {
    fd_ = fd;
    ++generation_;
    bytes_sent_ = bytes_received_ = 0;
    error_ = 0;
    bulk_memory_ = 0;
    receive_limit_ = 0;
    seen_in_ = 0;
    is_paused_ = expects_bulk_ = expects_end_ = precedes_end_ = is_sending_ = is_writing_ = shuts_down_ =
        is_connecting_ = is_failed_ = false;
    is_readable_ = is_receiving_ = is_multishot_ = is_stopping_ = peer_closed_ = false;
    closed_told_ = closed_told_early_ = end_is_announced_ = false;
    is_waiting_to_write_ = is_watching_end_ = yields_ = kernel_encrypts_ = false;
    fills_packets_ = true;
}

void Connection::open(UniqueFd fd) {
    begin(fd.release());
    loop_.backend().open(*this);
}

Result<void> Connection::connect(const SocketAddress& peer, const ConnectOptions& options) {
    Result<UniqueFd> made = make_socket(peer, options);
    if (!made) return made.error();
    begin(made->release());
    is_connecting_ = true;
    Result<void> started = loop_.backend().connect(*this, peer);
    if (!started) close();
    return started;
}

int64_t Connection::user_bytes_sent() const {
    return transport_ != nullptr ? transport_->plain_sent(*this) : bytes_sent_;
}

void Connection::pause() {
    is_paused_ = true;
}

void Connection::resume() {
    if (!is_paused_) return;
    is_paused_ = false;
    if (closed_told_early_) closed_told_ = closed_told_early_ = false;
    if (is_open() && !is_failed_) loop_.backend().resume(*this);
}

void Connection::await_end() {
    closed_told_ = closed_told_early_ = false;
    if (end_is_announced_) peer_closed_ = end_is_announced_ = false;
}

void Connection::limit_receiving(uint32_t most) {
    receive_limit_ = most;
    if (is_open() && most != 0) loop_.backend().limit(*this);
}

bool Connection::wants_bulk() const {
    const bool has_room = receive_limit_ == 0 || receive_limit_ > BufferPool::kSmallSize;
    return has_room && (expects_bulk_ || bulk_memory_ != 0);
}

// TCP counts what is queued, other sockets what is allocated; one of the two is 0, or smaller.
int64_t Connection::send_room() const {
    uint32_t figures[SK_MEMINFO_VARS]{};
    socklen_t length = sizeof figures;
    if (!is_open() || is_writing_ || ::getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, figures, &length) != 0) return 0;
    const uint32_t used = std::max(figures[SK_MEMINFO_WMEM_QUEUED], figures[SK_MEMINFO_WMEM_ALLOC]);
    return std::max<int64_t>(0, int64_t{figures[SK_MEMINFO_SNDBUF]} - used);
}

SendState Connection::send(Chain& chain) {
    const SendState state = transport_ != nullptr ? transport_->send(*this, chain) : send_raw(chain);
    is_sending_ = state == SendState::pending;
    return state;
}

SendState Connection::send_raw(Chain& chain) {
    if (!is_open() || is_failed_) {
        chain.clear();
        out_.clear();
        if (error_ == 0) error_ = EPIPE;
        return SendState::failed;
    }
    out_.splice(chain);
    if (is_writing_) return SendState::pending;
    if (out_.empty()) return SendState::done;
    const SendState state = loop_.backend().send(*this);
    is_writing_ = state == SendState::pending;
    if (state == SendState::failed) is_failed_ = true;
    return state;
}

Error Connection::send_failure() const {
    // What could not leave is still there.
    const Buffer* front = out_.head();
    if (front == nullptr || !front->is_file()) return make_error("send() failed", error_);
    if (error_ != 0) return make_error("sendfile() failed", error_);
    char room[PATH_MAX];
    const Text path = path_of_descriptor(front->fd, room);
    return Error("sendfile() reported that \"" + std::string(path) + "\" was truncated at " +
                 std::to_string(front->file_begin));
}

void Connection::send_files(int64_t most, ThreadPool* pool) {
    if (file_sender_ == nullptr && most == kWriteAtOnce && pool == nullptr) return;
    if (file_sender_ == nullptr) file_sender_ = new FileSender(*this);
    file_sender_->set(most, pool);
}

WriteOptions Connection::write_options() const {
    WriteOptions options{.most = kWriteAtOnce,
                         .precedes_end = precedes_end_,
                         .wants_room = kernel_encrypts_,
                         .fills_packets = fills_packets_ || kernel_encrypts_};
    if (file_sender_ == nullptr) return options;
    options.most = file_sender_->most_at_once();
    options.stops_at_files = file_sender_->has_pool();
    return options;
}

SendState Connection::send_file_in_thread() {
    if (file_sender_->start(fd_, *out_.head())) return SendState::pending;
    error_ = static_cast<uint16_t>(errno);
    return SendState::failed;
}

bool Connection::is_file_in_thread() const {
    return file_sender_ != nullptr && file_sender_->is_in_flight();
}

void Connection::on_file_sent(int64_t size, int error, bool is_short) {
    if (is_failed_) return;
    bytes_sent_ += size;
    out_.consume(size);
    if (is_short || (error != 0 && error != EAGAIN)) {
        error_ = static_cast<uint16_t>(error);
        return tell_send_failed();
    }
    loop_.backend().go_on(*this, error == EAGAIN);
}

void Connection::shutdown_write() {
    if (!is_open()) return;
    if (transport_ != nullptr && !is_failed_) transport_->on_shutdown_write(*this);
    if (is_writing_) {
        shuts_down_ = true;
    } else {
        ::shutdown(fd_, SHUT_WR);
    }
}

void Connection::close() {
    if (!is_open()) return;
    if (transport_ != nullptr && !is_failed_ && !is_connecting_) transport_->on_close(*this);
    loop_.backend().close(*this);
    unlink();
    drop_kept();
    out_.clear();
    if (file_sender_ != nullptr) std::exchange(file_sender_, nullptr)->leave(loop_);
    fd_ = -1;
    is_paused_ = is_sending_ = is_writing_ = false;
}

void Connection::abort() {
    if (!is_open()) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    is_failed_ = true;
    close();
}

void Connection::keep(Received& received, bool is_plain) {
    Kept** at = &kept_;
    // What has passed the transport came before everything that has not.
    while (*at != nullptr && ((*at)->is_plain || !is_plain)) at = &(*at)->next;
    *at = new Kept{received, received.take(), is_plain, *at};
}

int Connection::kept_count() const {
    int count = 0;
    for (const Kept* one = kept_; one != nullptr; one = one->next) ++count;
    return count;
}

void Connection::drop_kept() {
    while (kept_ != nullptr) {
        const std::unique_ptr<Kept> first(kept_);
        kept_ = first->next;
    }
}

void Connection::tell_received(PoolBuffer& buffer, Text bytes) {
    bytes_received_ += static_cast<int64_t>(bytes.size());
    if (bytes.size() >= BufferPool::kSmallSize) {
        bulk_memory_ = kBulkMemory;
    } else if (bulk_memory_ != 0) {
        --bulk_memory_;
    }
    Received received(buffer, bytes);
    if (is_paused_ || kept_ != nullptr) {
        keep(received, false);
    } else if (transport_ != nullptr) {
        transport_->on_raw_received(*this, received);
    } else {
        handler_->on_received(received);
    }
}

void Connection::tell_kept() {
    const uint16_t generation = generation_;
    while (kept_ != nullptr && !is_paused_) {
        const std::unique_ptr<Kept> first(kept_);
        kept_ = first->next;
        if (transport_ != nullptr && !first->is_plain) {
            transport_->on_raw_received(*this, first->received);
        } else {
            handler_->on_received(first->received);
        }
        if (!is_open() || generation_ != generation) return;
    }
}

void Connection::tell_connected() {
    is_connecting_ = false;
    handler_->on_connected();
}

void Connection::tell_written() {
    is_writing_ = false;
    if (shuts_down_) ::shutdown(fd_, SHUT_WR);
    if (transport_ != nullptr && !transport_->on_raw_sent(*this)) return;
    if (!is_sending_) return;
    is_sending_ = false;
    handler_->on_sent();
}

void Connection::tell_peer_closed() {
    if (closed_told_ || is_failed_) return;
    closed_told_ = true;
    closed_told_early_ = is_paused_;
    if (transport_ != nullptr) transport_->on_raw_closed(*this);
    if (is_open()) handler_->on_peer_closed();
}

void Connection::tell_failed(const Error& error) {
    if (is_failed_) return;
    is_failed_ = true;
    error_ = static_cast<uint16_t>(error.number);
    out_.clear();
    handler_->on_failed(error);
}

void Connection::tell_failed(const char* call, int number) {
    tell_failed(make_error(call, number));
}

}  // namespace sluice::event
