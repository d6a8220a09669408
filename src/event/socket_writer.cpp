// Writing a chain to a socket.
#include "event/socket_writer.h"

#include <cerrno>
#include <cstring>

#include <linux/tls.h>
#include <poll.h>
#include <sys/sendfile.h>

namespace sluice::event {

size_t gather(const Chain& chain, std::span<iovec> pieces, const Buffer*& next) {
    size_t count = 0;
    for (next = chain.head(); next != nullptr && next->is_data() && count < pieces.size(); next = next->next)
        pieces[count++] = {const_cast<char*>(next->begin), static_cast<size_t>(next->end - next->begin)};
    return count;
}

namespace {

/// What one system call did; `is_short`: the socket took less than it was offered, so it is full.
struct Step {
    ssize_t size;
    bool is_short;
};

/// The head of an answer waits for the file behind it, and its end for FIN: they share a packet, and a packet costs
/// more than a system call. In front of a file of many packets one more is little, and a peer that waits for it is
/// awake when the file comes.
bool shares_packet(const Buffer* next, const WriteOptions& options) {
    if (next == nullptr) return options.precedes_end;
    return options.fills_packets || !next->is_file() || next->size() <= kOneSegment;
}

Step send_memory(int fd, const Chain& chain, const WriteOptions& options) {
    iovec pieces[kMostPieces];
    const Buffer* next = nullptr;
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = gather(chain, pieces, next);
    size_t offered = 0;
    for (size_t i = 0; i < message.msg_iovlen; ++i) offered += pieces[i].iov_len;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (shares_packet(next, options) ? MSG_MORE : 0);
    const ssize_t size =
        message.msg_iovlen == 1 ? ::send(fd, pieces[0].iov_base, offered, flags) : ::sendmsg(fd, &message, flags);
    return {size, size >= 0 && static_cast<size_t>(size) < offered};
}

/// A short count of sendfile() may have other reasons than a full socket: only EAGAIN tells.
Step send_range(int fd, const Buffer& range, int64_t most) {
    const ssize_t size = send_file(fd, range, most);
    if (size != 0) return {size, false};
    errno = 0;
    return {-1, false};
}

Step send_front(int fd, const Chain& chain, const WriteOptions& options) {
    const Buffer& front = *chain.head();
    if (front.is_file()) return send_range(fd, front, options.most);
    if (front.is_data()) return send_memory(fd, chain, options);
    return {send_piece(fd, front), false};
}

/// When the answer is no, the kernel tells of the room that comes later.
bool has_room(int fd) {
    pollfd socket{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&socket, 1, 0) == 1;
}

}  // namespace

ssize_t send_piece(int fd, const Buffer& piece) {
    iovec bytes{const_cast<char*>(piece.begin), static_cast<size_t>(piece.end - piece.begin)};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof piece.record_type)]{};
    if (!piece.is_data()) {
        message.msg_control = room;
        message.msg_controllen = sizeof room;
        cmsghdr& type = *CMSG_FIRSTHDR(&message);
        type.cmsg_level = SOL_TLS;
        type.cmsg_type = TLS_SET_RECORD_TYPE;
        type.cmsg_len = CMSG_LEN(sizeof piece.record_type);
        std::memcpy(CMSG_DATA(&type), &piece.record_type, sizeof piece.record_type);
    }
    return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t send_file(int fd, const Buffer& range, int64_t most) {
    off_t offset = range.file_begin;
    const int64_t wanted = most > 0 && most < range.size() ? most : range.size();
    return ::sendfile(fd, range.fd, &offset, static_cast<size_t>(wanted));
}

Written write_chain(int fd, Chain& chain, int64_t& count, const WriteOptions& options) {
    int64_t sent = 0;
    while (!chain.empty()) {
        if (options.most > 0 && sent >= options.most) return Written::enough;
        if (chain.head()->is_file() && options.stops_at_files) return Written::at_file;
        const Step step = send_front(fd, chain, options);
        if (step.size < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? Written::blocked : Written::failed;
        }
        chain.consume(step.size);
        sent += step.size;
        count += step.size;
        if (step.is_short) return Written::blocked;
    }
    return options.wants_room && !has_room(fd) ? Written::blocked : Written::all;
}

}  // namespace sluice::event
