// UringBackend: connections.
//
//   arm() ─► receive in flight ─┬─ bytes, goes on ─► told, or kept while paused
//                               ├─ bytes, ended ───► told, then arm() again
//                               ├─ no buffers ─────► starved_, arm() when there are some
//                               └─ end or error ───► told
#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include "event/socket_writer.h"
#include "event/uring_backend.h"

namespace sluice::event {

namespace {

/// Deliveries that are kept for a paused connection before receiving is stopped.
constexpr int kMostKept = 2;

int socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

/// With bytes expected in bulk each receive is asked for, and takes a large buffer; else one goes on by itself.
void UringBackend::arm(Connection& connection) {
    if (connection.is_receiving_ || connection.is_paused_ || connection.peer_closed_ || connection.is_failed_) return;
    if (connection.expects_bulk_ && !bulk_.is_open()) bulk_.open(ring_);
    const bool is_bulk = connection.expects_bulk_ && bulk_.in_ring() != 0;
    io_uring_sqe& entry = next();
    io_uring_prep_recv(&entry, connection.fd_, nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = is_bulk ? bulk_.group() : small_.group();
    if (!is_bulk) entry.ioprio |= IORING_RECV_MULTISHOT;
    io_uring_sqe_set_data64(&entry, pack(&connection, connection.generation_, kReceive));
    connection.is_receiving_ = true;
    connection.is_multishot_ = !is_bulk;
    connection.is_stopping_ = false;
    ++connection.operations_;
}

void UringBackend::stop_receiving(Connection& connection) {
    if (!connection.is_receiving_ || connection.is_stopping_) return;
    connection.is_stopping_ = true;
    cancel(pack(&connection, connection.generation_, kReceive));
}

/// A paused connection with nothing in flight would not hear that its peer has gone.
void UringBackend::watch_for_end(Connection& connection) {
    if (connection.is_watching_end_ || connection.closed_told_) return;
    connection.is_watching_end_ = true;
    ++connection.operations_;
    poll(connection.fd_, POLLRDHUP, pack(&connection, connection.generation_, kHangUp));
}

void UringBackend::feed_starved() {
    for (uint32_t free = small_.in_ring(); free > 0; --free) {
        Connection* connection = starved_.pop_front();
        if (connection == nullptr) return;
        arm(*connection);
    }
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
    if (connection.kept_ != nullptr) {
        ready_.push_back(connection);
    } else {
        arm(connection);
    }
}

/// The operations hold the socket open until they are cancelled; closing comes behind in the same batch.
void UringBackend::close(Connection& connection) {
    const auto cancel_kind = [&](Kind kind) { cancel(pack(&connection, connection.generation_, kind)); };
    if (connection.is_receiving_ && !connection.is_stopping_) cancel_kind(kReceive);
    if (connection.is_connecting_) cancel_kind(kConnect);
    if (connection.is_writing_) cancel_kind(connection.is_waiting_to_write_ ? kWritable : kSend);
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
        if ((completion.flags & IORING_CQE_F_BUFFER) != 0)
            (BufferRing::is_bulk(completion.flags) ? bulk_ : small_).take(completion.flags).release();
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
    if (!completion.goes_on()) connection.is_receiving_ = connection.is_stopping_ = false;
    if (completion.result > 0) return on_received(connection, completion);
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0)
        (BufferRing::is_bulk(completion.flags) ? bulk_ : small_).take(completion.flags).release();
    if (connection.is_failed_) return;
    switch (-completion.result) {
        case 0: on_end(connection); break;
        case ENOBUFS: starved_.push_back(connection); break;
        case ECANCELED:
        case EINTR:
        case EAGAIN:
            if (connection.is_paused_) watch_for_end(connection);
            arm(connection);
            break;
        default: connection.tell_failed("recv() failed", -completion.result); break;
    }
}

void UringBackend::on_received(Connection& connection, const Completion& completion) {
    PoolBuffer& buffer = (BufferRing::is_bulk(completion.flags) ? bulk_ : small_).take(completion.flags);
    if (!connection.is_failed_) {
        connection.tell_received(buffer, {buffer.data, static_cast<size_t>(completion.result)});
    }
    buffer.release();
    if (!is_still(connection, generation_of(completion.data)) || connection.is_failed_) return;
    if (!connection.is_receiving_) {
        arm(connection);
        return;
    }
    if (connection.is_paused_) {
        int kept = 0;
        for (const auto* one = connection.kept_; one != nullptr; one = one->next) ++kept;
        if (kept >= kMostKept) stop_receiving(connection);
    } else if (connection.expects_bulk_ && connection.is_multishot_) {
        stop_receiving(connection);
    }
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

void UringBackend::on_hang_up(Connection& connection, int events) {
    connection.is_watching_end_ = false;
    if (!connection.is_paused_ || events < 0 || connection.is_failed_) return;
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

SendState UringBackend::send(Connection& connection) {
    const Buffer* piece = connection.out_.head();
    for (size_t i = 0; piece != nullptr && i < kMostPieces; ++i, piece = piece->next)
        if (piece->is_file()) return write_now(connection);
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
        bool more_follows = false;
        const size_t count = gather(connection.out_, pieces, more_follows);
        auto* message = messages_.make<msghdr>();
        message->msg_iov = messages_.make_array<iovec>(count).data();
        message->msg_iovlen = count;
        std::copy_n(pieces, count, message->msg_iov);
        io_uring_prep_sendmsg(&entry, connection.fd_, message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    }
    io_uring_sqe_set_data64(&entry, pack(&connection, connection.generation_, kSend));
    ++connection.operations_;
}

/// There is no sendfile operation, and splice would go to a thread of the kernel: files are sent at once.
SendState UringBackend::write_now(Connection& connection) {
    switch (write_chain(connection.fd_, connection.out_, connection.bytes_sent_)) {
        case Written::all: return SendState::done;
        case Written::failed: connection.error_ = static_cast<uint16_t>(errno); return SendState::failed;
        case Written::enough:
            connection.yields_ = true;
            ready_.push_back(connection);
            return SendState::pending;
        case Written::blocked: break;
    }
    connection.is_waiting_to_write_ = true;
    ++connection.operations_;
    poll(connection.fd_, POLLOUT, pack(&connection, connection.generation_, kWritable));
    return SendState::pending;
}

void UringBackend::on_send(Connection& connection, int result) {
    if (connection.is_failed_) return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) return connection.tell_failed("send() failed", -result);
    if (result > 0) {
        connection.bytes_sent_ += result;
        connection.out_.consume(result);
    }
    go_on_sending(connection);
}

void UringBackend::go_on_sending(Connection& connection) {
    if (connection.is_failed_) return;
    const SendState state = connection.out_.empty() ? SendState::done : send(connection);
    if (state == SendState::done) connection.tell_written();
    if (state == SendState::failed) connection.tell_failed("send() failed", connection.error_);
}

}  // namespace sluice::event
