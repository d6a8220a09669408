// EpollBackend. An edge is read until a read comes back short: that one has emptied the socket, so no read is spent
// on learning it.
#include "event/epoll_backend.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "event/buffer_pool.h"
#include "event/loop.h"
#include "event/transport.h"

namespace sluice::event {

namespace {

/// Reads of one connection per turn, so that a flood does not starve the others.
constexpr int kMostReads = 8;
constexpr size_t kMostPieces = 64;
constexpr uint32_t kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
/// Most that one sendfile call transfers, for the same reason.
constexpr int64_t kMostOfFile = 2 << 20;
constexpr int64_t kMostPerTurn = 16 * kMostOfFile;

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Result<std::unique_ptr<Backend>> EpollBackend::create(Loop& loop) {
    auto backend = std::make_unique<EpollBackend>(loop);
    backend->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!backend->epoll_) return Error(Text("epoll_create1() failed"), errno);
    return std::unique_ptr<Backend>(std::move(backend));
}

void EpollBackend::add(int fd, uint32_t events, const void* target, Target kind) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = reinterpret_cast<uint64_t>(target) | static_cast<uint64_t>(kind);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        loop_.log().alert(errno, "epoll_ctl(1, ", fd, ") failed");
}

// Events that were fetched already must not reach what is gone.
void EpollBackend::forget(const void* target) {
    const auto address = reinterpret_cast<uint64_t>(target);
    for (int i = next_; i < pending_; ++i)
        if ((events_[static_cast<size_t>(i)].data.u64 & ~kTargetMask) == address)
            events_[static_cast<size_t>(i)].events = 0;
}

void EpollBackend::wait(Msec longest) {
    if (!resumed_.empty()) longest = {0};
    const int timeout = longest.count < 0 ? -1 : static_cast<int>(std::min<int64_t>(longest.count, INT_MAX));
    pending_ = ::epoll_wait(epoll_.get(), events_.data(), kEvents, timeout);
    loop_.update_time();
    if (pending_ < 0) {
        if (errno != EINTR) loop_.log().alert(errno, "epoll_wait() failed");
        pending_ = 0;
    }
    for (next_ = 0; next_ < pending_;) dispatch(events_[static_cast<size_t>(next_++)]);
    pending_ = next_ = 0;
    retry_resumed();
}

void EpollBackend::dispatch(const epoll_event& event) {
    if (event.events == 0) return;
    const uint64_t address = event.data.u64 & ~kTargetMask;
    switch (static_cast<Target>(event.data.u64 & kTargetMask)) {
        case Target::connection: on_connection(*reinterpret_cast<Connection*>(address), event.events); break;
        case Target::listener: accept(*reinterpret_cast<Listener*>(address)); break;
        case Target::watch: reinterpret_cast<Watch*>(address)->fire(); break;
    }
}

void EpollBackend::retry_resumed() {
    std::vector<Connection*> due;
    due.swap(resumed_);
    for (size_t i = 0; i < due.size(); ++i) {
        Connection* connection = due[i];
        if (connection == nullptr) continue;
        connection->is_receiving_ = false;
        // A handler may close any of the others: their entries are looked for by close().
        resuming_ = {due.data() + i + 1, due.size() - i - 1};
        if (connection->is_open() && !connection->is_paused_) read(*connection);
    }
    resuming_ = {};
}

void EpollBackend::open(Connection& connection) {
    connection.is_paused_ = connection.is_sending_ = false;
    add(connection.fd_, kConnectionEvents, &connection, Target::connection);
}

void EpollBackend::connect(Connection& connection, const SocketAddress& peer) {
    const int result = ::connect(connection.fd_, peer.get(), peer.length());
    connection.connect_error_ = result == 0 || errno == EINPROGRESS ? 0 : errno;
    open(connection);
    if (result == 0 || connection.connect_error_ != 0) later(connection);
}

// Told from the loop, since connect() promises so: a unix socket connects, or fails, at once.
void EpollBackend::later(Connection& connection) {
    if (connection.is_receiving_) return;
    connection.is_receiving_ = true;
    resumed_.push_back(&connection);
}

void EpollBackend::on_connection(Connection& connection, uint32_t events) {
    if (connection.is_connecting_) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) finish_connect(connection);
        return;
    }
    const int fd = connection.fd_;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) connection.peer_closed_ = true;
    if ((events & EPOLLOUT) != 0 && connection.is_sending_) on_writable(connection);
    if (connection.fd_ != fd) return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        connection.is_readable_ = true;
        if (!connection.is_paused_) {
            read(connection);
        } else if (connection.peer_closed_) {
            on_end(connection);
        }
    }
}

void EpollBackend::finish_connect(Connection& connection) {
    int error = connection.connect_error_;
    socklen_t length = sizeof(error);
    if (error == 0) static_cast<void>(::getsockopt(connection.fd_, SOL_SOCKET, SO_ERROR, &error, &length));
    connection.is_connecting_ = false;
    if (error != 0) {
        fail(connection, "connect() failed", error);
    } else {
        connection.handler_->on_connected();
    }
}

void EpollBackend::read(Connection& connection) {
    if (connection.is_connecting_) {
        finish_connect(connection);
        return;
    }
    const int fd = connection.fd_;
    for (int i = 0; i < kMostReads; ++i) {
        if (!read_once(connection)) return;
        if (connection.fd_ != fd || connection.is_paused_) return;
    }
    later(connection);
}

/// One read; false when there is no more to read now.
bool EpollBackend::read_once(Connection& connection) {
    using Kind = BufferPool::Kind;
    const BufferHold hold(loop_.buffers().take(connection.expects_bulk_ ? Kind::bulk : Kind::small));
    PoolBuffer& buffer = hold.buffer();
    const ssize_t count = ::recv(connection.fd_, buffer.data, buffer.capacity, 0);
    if (count > 0) {
        connection.bytes_received_ += count;
        const bool is_full = static_cast<uint32_t>(count) == buffer.capacity;
        // A short read has emptied the socket; behind a FIN there is one more to come.
        connection.is_readable_ = is_full || connection.peer_closed_;
        Received received(buffer, {buffer.data, static_cast<size_t>(count)});
        const int fd = connection.fd_;
        if (connection.transport_ != nullptr) {
            connection.transport_->on_raw_received(connection, received);
        } else {
            connection.handler_->on_received(received);
        }
        return connection.fd_ == fd && connection.is_readable_;
    }
    if (count == 0) {
        connection.peer_closed_ = true;
        connection.is_readable_ = false;
        on_end(connection);
        return false;
    }
    connection.is_readable_ = false;
    if (errno == EINTR) return true;
    if (!would_block(errno)) fail(connection, "recv() failed", errno);
    return false;
}

void EpollBackend::on_end(Connection& connection) {
    if (connection.closed_told_) return;
    connection.closed_told_ = true;
    if (connection.transport_ != nullptr && !connection.transport_->on_raw_closed(connection)) return;
    connection.handler_->on_peer_closed();
}

void EpollBackend::fail(Connection& connection, Text call, int error) {
    connection.is_sending_ = false;
    connection.out_.clear();
    connection.handler_->on_failed(Error(call, error));
}

void EpollBackend::pause(Connection&) {}

void EpollBackend::resume(Connection& connection) {
    if (connection.is_readable_) later(connection);
}

SendState EpollBackend::send(Connection& connection) {
    if (connection.is_sending_ || connection.is_connecting_) return SendState::pending;
    const int error = push(connection);
    if (error != 0) {
        connection.out_.clear();
        return SendState::failed;
    }
    connection.is_sending_ = !connection.out_.empty();
    return connection.is_sending_ ? SendState::pending : SendState::done;
}

void EpollBackend::on_writable(Connection& connection) {
    const int error = push(connection);
    if (error != 0) {
        fail(connection, "send() failed", error);
        return;
    }
    if (!connection.out_.empty()) return;
    connection.is_sending_ = false;
    if (connection.shuts_down_) ::shutdown(connection.fd_, SHUT_WR);
    if (connection.transport_ != nullptr && !connection.transport_->on_raw_sent(connection)) return;
    connection.handler_->on_sent();
}

int EpollBackend::push(Connection& connection) {
    Chain& out = connection.out_;
    int64_t budget = kMostPerTurn;
    while (!out.empty() && budget > 0) {
        ssize_t count = 0;
        int64_t wanted = 0;
        if (out.head()->is_file()) {
            const Buffer& file = *out.head();
            off_t offset = file.file_begin;
            wanted = std::min(file.size(), kMostOfFile);
            count = ::sendfile(connection.fd_, file.fd, &offset, static_cast<size_t>(wanted));
            if (count == 0) return EIO;  // the file was cut while it was being sent
        } else {
            std::array<iovec, kMostPieces> pieces;
            size_t number = 0;
            const Buffer* buffer = out.head();
            for (; buffer != nullptr && !buffer->is_file() && number < kMostPieces; buffer = buffer->next) {
                pieces[number++] = {const_cast<char*>(buffer->begin), static_cast<size_t>(buffer->size())};
                wanted += buffer->size();
            }
            msghdr message{};
            message.msg_iov = pieces.data();
            message.msg_iovlen = number;
            count = ::sendmsg(connection.fd_, &message, MSG_NOSIGNAL | (buffer != nullptr ? MSG_MORE : 0));
        }
        if (count < 0) {
            if (errno == EINTR) continue;
            return would_block(errno) ? 0 : errno;
        }
        connection.bytes_sent_ += count;
        budget -= count;
        out.consume(count);
        // Less than asked for: the socket is full, an edge will tell.
        if (count < wanted && !(out.head() != nullptr && out.head()->is_file())) return 0;
    }
    if (!out.empty()) register_again(connection);
    return 0;
}

// Registering again raises the edge anew: a fast peer of a large file must not keep the others waiting.
void EpollBackend::register_again(Connection& connection) {
    epoll_event event{};
    event.events = kConnectionEvents;
    event.data.u64 = reinterpret_cast<uint64_t>(&connection);
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd_, &event));
}

void EpollBackend::shutdown_write(Connection& connection) {
    if (connection.is_sending_) {
        connection.shuts_down_ = true;
    } else {
        ::shutdown(connection.fd_, SHUT_WR);
    }
}

void EpollBackend::close(Connection& connection) {
    forget(&connection);
    for (Connection*& waiting : resumed_)
        if (waiting == &connection) waiting = nullptr;
    for (Connection*& waiting : resuming_)
        if (waiting == &connection) waiting = nullptr;
    ::close(connection.fd_);
    connection.fd_ = -1;
    connection.is_sending_ = connection.is_connecting_ = connection.is_receiving_ = connection.is_readable_ = false;
    connection.shuts_down_ = false;
}

void EpollBackend::start(Listener& listener) {
    add(listener.fd_, EPOLLIN | (listener.options_.is_exclusive ? EPOLLEXCLUSIVE : 0U), &listener, Target::listener);
}

void EpollBackend::stop(Listener& listener) {
    forget(&listener);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd_, nullptr);
}

void EpollBackend::accept(Listener& listener) {
    do {
        if (!listener.handler_.has_room() && !listener.handler_.make_room()) {
            listener.pause_for_room();
            return;
        }
        SocketAddress peer;
        socklen_t length = SocketAddress::capacity();
        const int fd = ::accept4(listener.fd_, peer.get(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (would_block(errno)) return;
            if (!listener.on_accept_failed(errno)) return;
            continue;
        }
        peer.set_length(length);
        listener.deliver(fd, peer);
    } while (listener.options_.multi_accept && listener.is_running_);
}

void EpollBackend::start(Watch& watch) {
    add(watch.fd_, EPOLLIN, &watch, Target::watch);
}

void EpollBackend::stop(Watch& watch) {
    forget(&watch);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd_, nullptr);
}

}  // namespace sluice::event
