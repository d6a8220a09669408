// EpollBackend: the loop around epoll_wait(), and sockets.
#include "event/epoll_backend.h"

#include <cerrno>

#include "event/loop.h"
#include "event/socket_writer.h"

namespace sluice::event {

namespace {

enum Kind : unsigned { kConnection, kListener, kWatch };

constexpr uint32_t kSocketEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
/// Reads of one connection before others have their turn.
constexpr int kReadsPerTurn = 4;
/// Connections accepted at one event of a listener with multi_accept.
constexpr int kAcceptsPerTurn = 64;
/// Connections after which a worker goes to the end of those that wait for one: the kernel wakes the first of them,
/// and that would always be the same.
constexpr uint16_t kAcceptsInSuccession = 16;

}  // namespace

Result<std::unique_ptr<EpollBackend>> EpollBackend::create(BufferPool& buffers) {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Error("epoll_create1() failed", errno);
    return std::unique_ptr<EpollBackend>(new EpollBackend(std::move(epoll), buffers));
}

void EpollBackend::wait(Msec longest) {
    if (!starved_.empty() && buffers_.has_free(BufferPool::Kind::small))
        while (Connection* connection = starved_.pop_front()) ready_.push_back(*connection);
    if (!ready_.empty()) longest = {0};
    const int timeout = longest.count < 0 ? -1 : static_cast<int>(std::min<int64_t>(longest.count, INT32_MAX));
    const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
    event_count_ = count > 0 ? static_cast<size_t>(count) : 0;
}

void EpollBackend::deliver(Msec) {
    serve_ready();
    for (size_t begin = 0; begin < event_count_; begin += kBatch)
        deliver_batch(std::span(events_).subspan(begin, std::min(kBatch, event_count_ - begin)));
    event_count_ = 0;
}

/// All bytes of a batch are there before its first request is served, so that what is looked up for one (whether a
/// file has changed) is as good as new for all of them; see Loop::arrivals().
void EpollBackend::deliver_batch(std::span<epoll_event> events) {
    for (size_t i = 0; i < events.size(); ++i)
        if (may_receive_ahead(events[i]))
            receive(*object_of<Connection>(events[i].data.u64), BufferPool::Kind::small, ahead_[i]);
    for (size_t i = 0; i < events.size(); ++i) {
        Reception ahead = std::exchange(ahead_[i], {});
        const uint64_t data = events[i].data.u64;
        // remove() is about what is still to come.
        events[i].data.u64 = 0;
        if (data == 0) continue;  // closed by a handler that ran earlier in this round
        if (kind_of(data) == kConnection) {
            auto& connection = *object_of<Connection>(data);
            if (is_still(connection, generation_of(data))) on_event(connection, events[i].events, ahead);
        } else if (kind_of(data) == kListener) {
            accept(*object_of<Listener>(data));
        } else {
            object_of<Watch>(data)->fire();
        }
    }
}

/// Where bytes are all that the event can be about. Those that come in bulk are received one connection after the
/// other, into memory that is in the processor's cache.
bool EpollBackend::may_receive_ahead(const epoll_event& event) const {
    constexpr uint32_t kOtherNews = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((event.events & (EPOLLIN | kOtherNews)) != EPOLLIN) return false;
    const uint64_t data = event.data.u64;
    if (data == 0 || kind_of(data) != kConnection) return false;
    const auto& connection = *object_of<Connection>(data);
    return is_still(connection, generation_of(data)) && !connection.is_connecting_ && !connection.is_failed_ &&
           !connection.is_paused_ && connection.kept_ == nullptr && !connection.is_linked() &&
           !connection.wants_bulk();
}

void EpollBackend::serve_ready() {
    List<Connection, Connection> now;
    while (Connection* connection = ready_.pop_front()) now.push_back(*connection);
    while (Connection* connection = now.pop_front()) serve(*connection);
}

void EpollBackend::serve(Connection& connection) {
    const uint16_t generation = connection.generation_;
    if (connection.error_ != 0) return connection.tell_failed("epoll_ctl() failed", connection.error_);
    if (connection.is_writing_) flush(connection);
    if (!is_still(connection, generation) || connection.is_failed_) return;
    connection.tell_kept();
    if (!is_still(connection, generation) || connection.is_paused_) return;
    if (connection.is_readable_) return read(connection);
    // An end that a transport has found in the bytes.
    if (connection.peer_closed_) connection.tell_peer_closed();
}

bool EpollBackend::add(int fd, uint32_t events, uint64_t data) {
    epoll_event event{.events = events, .data = {.u64 = data}};
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

/// Also takes it out of the round that is being delivered: the object may be gone soon. Returns whether it was in it.
bool EpollBackend::remove(int fd, uint64_t data) {
    epoll_event unused{};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
    bool was_there = false;
    for (size_t i = 0; i < event_count_; ++i) {
        if (events_[i].data.u64 != data) continue;
        events_[i].data.u64 = 0;
        was_there = true;
    }
    return was_there;
}

// --- connections ---

void EpollBackend::open(Connection& connection) {
    if (add(connection.fd_, kSocketEvents, pack(&connection, connection.generation_, kConnection))) return;
    connection.error_ = static_cast<uint16_t>(errno);
    ready_.push_back(connection);
}

Result<void> EpollBackend::connect(Connection& connection, const SocketAddress& peer) {
    if (::connect(connection.fd_, peer.get(), peer.length()) != 0 && errno != EINPROGRESS)
        return Error("connect() failed", errno);
    open(connection);
    return {};
}

void EpollBackend::resume(Connection& connection) {
    const bool has_end_to_tell = connection.peer_closed_ && !connection.closed_told_;
    if (connection.is_readable_ || connection.kept_ != nullptr || has_end_to_tell) ready_.push_back(connection);
}

/// The descriptor leaves the epoll set with its last reference.
void EpollBackend::close(Connection& connection) {
    ::close(connection.fd_);
}

/// `ahead`: what may_receive_ahead() has allowed. A handler of the same batch may have paused the connection since:
/// then bytes are kept, and an end, which recv() tells again, waits.
void EpollBackend::on_event(Connection& connection, uint32_t events, Reception& ahead) {
    if (connection.is_failed_) return;
    const uint16_t generation = connection.generation_;
    if (connection.is_connecting_) {
        if (!finish_connect(connection, events) || !is_still(connection, generation)) return;
    } else if ((events & EPOLLOUT) != 0 && connection.is_writing_) {
        flush(connection);
        if (!is_still(connection, generation)) return;
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.peer_closed_ = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.is_readable_ = true;
    const bool is_held_back = connection.is_paused_ || connection.kept_ != nullptr;
    if (ahead.was_tried() && !(is_held_back && ahead.is_end())) {
        if (!tell(connection, ahead) || connection.is_failed_) return;
        if (connection.is_readable_ && !connection.is_linked()) read(connection);
    } else if (is_held_back) {
        on_hang_up_while_paused(connection, events);
    } else if (connection.is_readable_ && !connection.is_linked()) {
        read(connection);
    }
}

/// False: nothing more is to be done for this event.
bool EpollBackend::finish_connect(Connection& connection, uint32_t events) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return false;
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(connection.fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) {
        connection.tell_failed("connect() failed", error);
        return false;
    }
    connection.tell_connected();
    return true;
}

void EpollBackend::on_hang_up_while_paused(Connection& connection, uint32_t events) {
    int error = 0;
    socklen_t length = sizeof error;
    if ((events & EPOLLERR) != 0) ::getsockopt(connection.fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
        connection.tell_failed("recv() failed", error);
    } else if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) {
        connection.tell_peer_closed();
    }
}

void EpollBackend::read(Connection& connection) {
    const uint16_t generation = connection.generation_;
    for (int i = 0; i < kReadsPerTurn; ++i) {
        if (connection.is_paused_ || !connection.is_readable_) return;
        if (!read_once(connection) || !is_still(connection, generation) || connection.is_failed_) return;
    }
    if (connection.is_readable_ && !connection.is_paused_ && !connection.is_linked()) ready_.push_back(connection);
}

/// False: there is no buffer, or nothing more to read.
bool EpollBackend::read_once(Connection& connection) {
    using Kind = BufferPool::Kind;
    Reception reception;
    if ((connection.wants_bulk() && receive(connection, Kind::bulk, reception)) ||
        receive(connection, Kind::small, reception))
        return tell(connection, reception);
    starved_.push_back(connection);
    return false;
}

/// One recv(); false: there is no buffer.
bool EpollBackend::receive(Connection& connection, BufferPool::Kind kind, Reception& reception) {
    PoolBuffer* const buffer = buffers_.take(kind);
    if (buffer == nullptr) return false;
    BufferHold hold(*buffer);
    reception.room = connection.room_of(*buffer);
    const ssize_t size = ::recv(connection.fd_, buffer->data, reception.room, MSG_DONTWAIT);
    if (size < 0) {
        reception.error = errno;
    } else if (size > 0) {
        connection.loop_.count_arrival();
        reception.size = static_cast<uint32_t>(size);
        reception.buffer = std::move(hold);
    }
    return true;
}

/// False: nothing more is to be read now, or the connection is another one by now.
bool EpollBackend::tell(Connection& connection, Reception& reception) {
    if (reception.buffer) {
        const uint16_t generation = connection.generation_;
        PoolBuffer& buffer = reception.buffer.buffer();
        // Less than there was room for: all there is was read, and an edge tells of more. A peer that has closed
        // leaves an end of stream, or an error, behind the bytes.
        connection.is_readable_ = reception.size == reception.room || connection.peer_closed_;
        connection.tell_received(buffer, {buffer.data, reception.size});
        reception.buffer.reset();
        return is_still(connection, generation);
    }
    if (reception.error == EINTR) return true;
    connection.is_readable_ = false;
    if (reception.error == 0) {
        connection.peer_closed_ = true;
        connection.tell_peer_closed();
    } else if (reception.error != EAGAIN) {
        connection.tell_failed("recv() failed", reception.error);
    }
    return false;
}

// --- sending ---

SendState EpollBackend::send(Connection& connection) {
    switch (write_chain(connection.fd_, connection.out_, connection.bytes_sent_, connection.write_options())) {
        case Written::all: return SendState::done;
        case Written::blocked: return SendState::pending;
        case Written::at_file: return connection.send_file_in_thread();
        case Written::enough: ready_.push_back(connection); return SendState::pending;
        case Written::failed: break;
    }
    connection.error_ = static_cast<uint16_t>(errno);
    return SendState::failed;
}

/// An edge that came while the thread was sending is gone: asking again brings it back.
void EpollBackend::go_on(Connection& connection, bool is_blocked) {
    if (!is_blocked) return flush(connection);
    epoll_event event{.events = kSocketEvents,
                      .data = {.u64 = pack(&connection, connection.generation_, kConnection)}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd_, &event) != 0)
        connection.tell_failed("epoll_ctl() failed", errno);
}

void EpollBackend::flush(Connection& connection) {
    if (connection.is_file_in_thread()) return;
    const SendState state = send(connection);
    if (state == SendState::done) connection.tell_written();
    if (state == SendState::failed) connection.tell_send_failed();
}

// --- listeners and watches ---

void EpollBackend::start(Listener& listener) {
    const uint32_t exclusive = listener.options_.is_exclusive ? uint32_t{EPOLLEXCLUSIVE} : 0;
    if (!add(listener.fd_, EPOLLIN | exclusive, pack(&listener, 0, kListener))) listener.on_start_failed(errno);
}

/// The kernel wakes one worker per connection: if it was this one, nobody else has heard of the connection.
void EpollBackend::stop(Listener& listener) {
    const bool was_woken = remove(listener.fd_, pack(&listener, 0, kListener));
    if (was_woken && listener.options_.is_exclusive && !listener.is_running()) listener.take_one();
}

void EpollBackend::forget(Listener&) {}

void EpollBackend::accept(Listener& listener) {
    const int most = listener.options_.multi_accept ? kAcceptsPerTurn : 1;
    for (int i = 0; i < most; ++i)
        if (!listener.may_accept() || !accept_one(listener)) return;
}

/// False: stop for now.
bool EpollBackend::accept_one(Listener& listener) {
    if (!listener.take_one()) return false;
    if (listener.options_.is_exclusive && ++listener.accepted_ >= kAcceptsInSuccession && listener.is_accepting()) {
        stop(listener);
        start(listener);
        listener.accepted_ = 0;
    }
    return true;
}

Result<void> EpollBackend::start(Watch& watch) {
    if (add(watch.fd_, EPOLLIN, pack(&watch, 0, kWatch))) return {};
    return Error("epoll_ctl() failed", errno);
}

void EpollBackend::stop(Watch& watch) {
    remove(watch.fd_, pack(&watch, 0, kWatch));
}

}  // namespace sluice::event
