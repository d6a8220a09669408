// UringBackend: connections.
//
//   arm() ─┬─ multishot receive ─┬─ bytes ─────► told, or kept while paused; goes on
//          │                     ├─ no buffers ─► starved_, arm() when there are some
//          │                     └─ end, error ─► told
//          └─ bulk: poll ────────► read_bulk() ─► told; arm()
#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "event/loop.h"
#include "event/socket_writer.h"
#include "event/uring_backend.h"

namespace sluice::event {

namespace {

/// Deliveries that are kept for a paused connection before receiving is stopped.
constexpr int kMostKept = 2;
/// Connections without a buffer that are given another try in a turn.
constexpr uint32_t kFedPerTurn = 64;
/// Reads of one connection before others have their turn.
constexpr int kReadsPerTurn = 4;

int socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

void UringBackend::arm(Connection& connection) {
    if (connection.is_receiving_ || connection.is_paused_ || connection.peer_closed_ || connection.is_failed_) return;
    const uint64_t data = pack(&connection, connection.generation_, kReceive);
    connection.is_receiving_ = true;
    connection.is_stopping_ = false;
    connection.is_multishot_ = connection.wants_multishot();
    ++connection.operations_;
    if (connection.is_multishot_) return receive(connection.fd_, data);
    poll(connection.fd_, POLLIN | POLLRDHUP, data);
}

void UringBackend::stop_receiving(Connection& connection) {
    if (!connection.is_receiving_ || connection.is_stopping_) return;
    connection.is_stopping_ = true;
    cancel(pack(&connection, connection.generation_, kReceive));
}

/// A paused connection with nothing in flight would not hear that its peer has gone. Nor does a multishot receive
/// always hear of a reset: where it follows data so closely that the kernel has run nothing in between, it takes both
/// for one event (Linux 6.18). Sending would tell, so that who answers at once needs no watch.
void UringBackend::watch_for_end(Connection& connection) {
    if (connection.is_watching_end_ || connection.closed_told_) return;
    connection.is_watching_end_ = true;
    ++connection.operations_;
    poll(connection.fd_, POLLRDHUP, pack(&connection, connection.generation_, kHangUp));
}

bool UringBackend::has_buffer_for(const Connection& connection) const {
    if (connection.wants_multishot()) return ring_buffers_.in_ring() != 0;
    return pool_.has_free(BufferPool::Kind::bulk) || pool_.has_free(BufferPool::Kind::small);
}

/// One that is to be served anyway stays where it is: it has more to do than to receive, and asks for a buffer then.
void UringBackend::starve(Connection& connection) {
    if (!connection.is_linked()) starved_.push_back(connection);
}

void UringBackend::feed_starved() {
    List<Connection, Connection> still;
    for (uint32_t left = kFedPerTurn; left > 0 && !starved_.empty(); --left) {
        Connection& connection = *starved_.pop_front();
        if (has_buffer_for(connection)) {
            arm(connection);
        } else {
            still.push_back(connection);
        }
    }
    while (Connection* connection = still.pop_front()) starved_.push_back(*connection);
}

// --- what the user asks for ---

void UringBackend::open(Connection& connection) {
    arm(connection);
}

/// A unix socket connects, or fails, at once; what became of it is told from the loop.
Result<void> UringBackend::connect(Connection& connection, const SocketAddress& peer) {
    if (peer.is_unix()) {
        if (::connect(connection.fd_, peer.get(), peer.length()) != 0) return Error("connect() failed", errno);
        ready_.push_back(connection);
        return {};
    }
    io_uring_sqe& entry = next();
    const auto* address = messages_.make<SocketAddress>(peer);
    io_uring_prep_connect(&entry, connection.fd_, address->get(), address->length());
    io_uring_sqe_set_data64(&entry, pack(&connection, connection.generation_, kConnect));
    ++connection.operations_;
    return {};
}

void UringBackend::resume(Connection& connection) {
    if (connection.kept_ != nullptr || (connection.peer_closed_ && !connection.closed_told_)) {
        ready_.push_back(connection);
    } else {
        arm(connection);
    }
}

void UringBackend::limit(Connection& connection) {
    if (connection.is_multishot_) stop_receiving(connection);
}

/// A send that the kernel has not seen yet would read memory that its owner may free as soon as the connection is
/// closed: it becomes an operation that does nothing. False: the kernel has it.
bool UringBackend::withdraw_send(const Connection& connection) {
    const uint64_t data = pack(&connection, connection.generation_, kSend);
    for (unsigned at = io_uring_smp_load_acquire(ring_.sq.khead); at != ring_.sq.sqe_tail; ++at) {
        io_uring_sqe& entry = ring_.sq.sqes[at & *ring_.sq.kring_mask];
        if (entry.user_data != data) continue;
        io_uring_prep_nop(&entry);
        io_uring_sqe_set_data64(&entry, data);
        return true;
    }
    return false;
}

/// The operations hold the socket open until they are cancelled; closing comes behind in the same batch.
void UringBackend::close(Connection& connection) {
    const auto cancel_kind = [&](Kind kind) { cancel(pack(&connection, connection.generation_, kind)); };
    if (connection.is_receiving_ && !connection.is_stopping_) cancel_kind(kReceive);
    if (connection.is_connecting_) cancel_kind(kConnect);
    if (connection.is_waiting_to_write_) cancel_kind(kWritable);
    if (connection.is_writing_ && !connection.is_waiting_to_write_ && !withdraw_send(connection)) cancel_kind(kSend);
    if (connection.is_watching_end_) cancel_kind(kHangUp);
    io_uring_sqe& entry = next();
    io_uring_prep_close(&entry, connection.fd_);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(&entry, kNothing);
}

// --- what the kernel tells ---

void UringBackend::on_completion(Connection& connection, const Completion& completion) {
    if (!completion.goes_on()) --connection.operations_;
    if (!is_still(connection, generation_of(completion.data))) {
        if ((completion.flags & IORING_CQE_F_BUFFER) != 0) ring_buffers_.take(completion.flags).release();
        return;
    }
    switch (kind_of(completion.data)) {
        case kReceive: on_receive(connection, completion); break;
        case kSend: on_send(connection, completion.result); break;
        case kConnect: on_connect(connection, completion.result); break;
        case kHangUp: on_hang_up(connection, completion.result); break;
        case kWritable:
            connection.is_waiting_to_write_ = false;
            go_on_sending(connection);
            break;
        default: break;
    }
}

void UringBackend::on_receive(Connection& connection, const Completion& completion) {
    batching_.saw(connection.seen_in_);
    if (!completion.goes_on()) connection.is_receiving_ = connection.is_stopping_ = false;
    if (!connection.is_multishot_) return on_readable(connection, completion.result);
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0)
        on_received(connection, completion);
    else
        on_receive_ended(connection, -completion.result);
}

void UringBackend::on_received(Connection& connection, const Completion& completion) {
    PoolBuffer& buffer = ring_buffers_.take(completion.flags);
    if (!connection.is_failed_ && completion.result > 0) {
        if (!std::exchange(is_arrival_counted_, true)) connection.loop_.count_arrival();
        connection.tell_received(buffer, {buffer.data, static_cast<size_t>(completion.result)});
    }
    buffer.release();
    if (!is_still(connection, generation_of(completion.data)) || connection.is_failed_) return;
    if (completion.result <= 0) return on_receive_ended(connection, -completion.result);
    if (!connection.is_receiving_) {
        if (connection.is_paused_) watch_for_end(connection);
        return arm(connection);
    }
    if (connection.is_paused_ ? connection.kept_count() >= kMostKept : !connection.wants_multishot())
        stop_receiving(connection);
    else if (!connection.is_writing_)
        watch_for_end(connection);
}

void UringBackend::on_receive_ended(Connection& connection, int error) {
    if (connection.is_failed_) return;
    switch (error) {
        case 0: on_end(connection); break;
        case ENOBUFS: starve(connection); break;
        case ECANCELED:
        case EINTR:
        case EAGAIN:
            if (connection.is_paused_) watch_for_end(connection);
            arm(connection);
            break;
        default: connection.tell_failed("recv() failed", error); break;
    }
}

// --- receiving in bulk: one system call weighs little beside what it brings, and a buffer is chosen when there are
// bytes for it: the one used last, which is in the processor's cache ---

void UringBackend::on_readable(Connection& connection, int events) {
    if (events < 0) return on_receive_ended(connection, -events);
    if (!connection.is_paused_) return read_bulk(connection);
    if ((events & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return tell_hang_up(connection, events);
    watch_for_end(connection);
}

void UringBackend::read_bulk(Connection& connection) {
    const uint16_t generation = connection.generation_;
    for (int i = 0; i < kReadsPerTurn; ++i) {
        const bool goes_on = read_once(connection);
        if (!is_still(connection, generation) || connection.is_failed_) return;
        if (!goes_on || connection.is_paused_) break;
    }
    if (!connection.is_linked()) arm(connection);
}

/// False: there is nothing more to read now.
bool UringBackend::read_once(Connection& connection) {
    PoolBuffer* buffer = connection.wants_bulk() ? pool_.take(BufferPool::Kind::bulk) : nullptr;
    if (buffer == nullptr) buffer = pool_.take(BufferPool::Kind::small);
    if (buffer == nullptr) {
        starve(connection);
        return false;
    }
    buffer->hold();
    const uint32_t room = connection.room_of(*buffer);
    const ssize_t size = ::recv(connection.fd_, buffer->data, room, MSG_DONTWAIT);
    const int error = size < 0 ? errno : 0;
    const bool was_filled = size > 0 && static_cast<uint32_t>(size) == room;
    if (size > 0) {
        connection.loop_.count_arrival();
        connection.tell_received(*buffer, {buffer->data, static_cast<size_t>(size)});
    }
    buffer->release();
    if (size == 0) {
        on_end(connection);
    } else if (error != 0 && error != EAGAIN && error != EINTR) {
        connection.tell_failed("recv() failed", error);
    }
    return was_filled;
}

/// While paused it is told at once, otherwise behind what is kept.
void UringBackend::on_end(Connection& connection) {
    connection.peer_closed_ = true;
    if (connection.is_paused_ || connection.kept_ == nullptr) connection.tell_peer_closed();
}

void UringBackend::on_connect(Connection& connection, int result) {
    if (result != 0) return connection.tell_failed("connect() failed", -result);
    const uint16_t generation = connection.generation_;
    connection.tell_connected();
    if (is_still(connection, generation)) arm(connection);
}

/// Of the poll of a connection that was paused when it was asked for.
void UringBackend::on_hang_up(Connection& connection, int events) {
    connection.is_watching_end_ = false;
    if (events < 0 || connection.is_failed_) return;
    if (connection.is_paused_) return tell_hang_up(connection, events);
    if (connection.is_multishot_) stop_receiving(connection);
}

void UringBackend::tell_hang_up(Connection& connection, int events) {
    const int error = (events & POLLERR) != 0 ? socket_error(connection.fd_) : 0;
    if (error != 0) {
        connection.tell_failed("recv() failed", error);
    } else {
        connection.tell_peer_closed();
    }
}

void UringBackend::serve_ready() {
    List<Connection, Connection> now;
    while (Connection* connection = ready_.pop_front()) now.push_back(*connection);
    while (Connection* connection = now.pop_front()) serve(*connection);
}

void UringBackend::serve(Connection& connection) {
    const uint16_t generation = connection.generation_;
    if (connection.is_connecting_) return on_connect(connection, 0);
    if (connection.is_writing_ && connection.yields_) {
        connection.yields_ = false;
        go_on_sending(connection);
        if (!is_still(connection, generation)) return;
    }
    connection.tell_kept();
    if (!is_still(connection, generation) || connection.is_paused_) return;
    if (connection.peer_closed_) connection.tell_peer_closed();
    if (is_still(connection, generation)) arm(connection);
}

// --- sending ---

/// A call of its own weighs little beside much to send, and nothing waits for the turn to end.
SendState UringBackend::send(Connection& connection) {
    if (connection.expects_end_ || connection.out_.empty() || connection.out_.size() > kOneSegment)
        return write_now(connection);
    const Buffer* piece = connection.out_.head();
    for (size_t i = 0; piece != nullptr && i < kMostPieces; ++i, piece = piece->next)
        if (!piece->is_data()) return write_now(connection);
    queue_send(connection);
    return SendState::pending;
}

/// Memory that leaves by itself is sent when the turn is over, with all the others.
void UringBackend::queue_send(Connection& connection) {
    io_uring_sqe& entry = next();
    const Buffer& first = *connection.out_.head();
    if (first.next == nullptr) {
        io_uring_prep_send(&entry, connection.fd_, first.begin, static_cast<size_t>(first.size()), MSG_NOSIGNAL);
    } else {
        iovec pieces[kMostPieces];
        const Buffer* next = nullptr;
        const size_t count = gather(connection.out_, pieces, next);
        auto* message = messages_.make<msghdr>();
        message->msg_iov = messages_.make_array<iovec>(count).data();
        message->msg_iovlen = count;
        std::copy_n(pieces, count, message->msg_iov);
        io_uring_prep_sendmsg(&entry, connection.fd_, message, MSG_NOSIGNAL | (next != nullptr ? MSG_MORE : 0));
    }
    io_uring_sqe_set_data64(&entry, pack(&connection, connection.generation_, kSend));
    ++connection.operations_;
}

/// There is no sendfile operation, and splice would go to a thread of the kernel: files are sent at once.
SendState UringBackend::write_now(Connection& connection) {
    switch (write_chain(connection.fd_, connection.out_, connection.bytes_sent_, connection.write_options())) {
        case Written::all: return SendState::done;
        case Written::at_file: return connection.send_file_in_thread();
        case Written::failed: connection.error_ = static_cast<uint16_t>(errno); return SendState::failed;
        case Written::enough:
            connection.yields_ = true;
            ready_.push_back(connection);
            return SendState::pending;
        case Written::blocked: break;
    }
    wait_for_room(connection);
    return SendState::pending;
}

void UringBackend::wait_for_room(Connection& connection) {
    connection.is_waiting_to_write_ = true;
    ++connection.operations_;
    poll(connection.fd_, POLLOUT, pack(&connection, connection.generation_, kWritable));
}

void UringBackend::go_on(Connection& connection, bool is_blocked) {
    if (is_blocked) {
        wait_for_room(connection);
    } else {
        go_on_sending(connection);
    }
}

void UringBackend::on_send(Connection& connection, int result) {
    if (connection.is_failed_) return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        connection.error_ = static_cast<uint16_t>(-result);
        return connection.tell_send_failed();
    }
    if (result > 0) {
        connection.bytes_sent_ += result;
        connection.out_.consume(result);
    }
    go_on_sending(connection);
}

void UringBackend::go_on_sending(Connection& connection) {
    if (connection.is_failed_ || connection.is_file_in_thread()) return;
    const SendState state = send(connection);
    if (state == SendState::done) connection.tell_written();
    if (state == SendState::failed) connection.tell_send_failed();
}

}  // namespace sluice::event
