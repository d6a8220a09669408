// Writing a chain to a socket.
#include "event/socket_writer.h"

#include <cerrno>

#include <sys/sendfile.h>

namespace sluice::event {

size_t gather(const Chain& chain, std::span<iovec> pieces, bool& more_follows) {
    size_t count = 0;
    const Buffer* buffer = chain.head();
    for (; buffer != nullptr && !buffer->is_file() && count < pieces.size(); buffer = buffer->next)
        pieces[count++] = {const_cast<char*>(buffer->begin), static_cast<size_t>(buffer->end - buffer->begin)};
    more_follows = buffer != nullptr;
    return count;
}

namespace {

/// A head before a body that needs several packets in any case leaves by itself, as with nginx: BBR measures the path
/// by what is acknowledged, and holds a second large packet back by a timer when the first has waited for its
/// acknowledgement. Where segments are as large as on loopback that costs more than all the rest.
constexpr int64_t kLongestHead = 4096;

size_t count_head(const Chain& chain) {
    size_t count = 0;
    int64_t size = 0;
    for (const Buffer* piece = chain.head(); piece != nullptr && !piece->is_file(); piece = piece->next, ++count) {
        size += piece->size();
        if (size > kLongestHead) break;
    }
    return count;
}

/// What one system call did; `is_short`: the socket took less than it was offered, so it is full.
struct Step {
    ssize_t size;
    bool is_short;
};

Step send_memory(int fd, const Chain& chain, bool corks) {
    iovec pieces[kMostPieces];
    bool more_follows = false;
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = gather(chain, pieces, more_follows);
    if (!corks && chain.size() > kOneSegment) {
        const size_t head = count_head(chain);
        if (head != 0 && head <= message.msg_iovlen) {
            message.msg_iovlen = head;
            more_follows = false;
        }
    }
    size_t offered = 0;
    for (size_t i = 0; i < message.msg_iovlen; ++i) offered += pieces[i].iov_len;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more_follows ? MSG_MORE : 0);
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

}  // namespace

ssize_t send_file(int fd, const Buffer& range, int64_t most) {
    off_t offset = range.file_begin;
    const int64_t wanted = most > 0 && most < range.size() ? most : range.size();
    return ::sendfile(fd, range.fd, &offset, static_cast<size_t>(wanted));
}

Written write_chain(int fd, Chain& chain, int64_t& count, const WriteOptions& options) {
    int64_t sent = 0;
    while (!chain.empty()) {
        if (options.most > 0 && sent >= options.most) return Written::enough;
        const bool is_file = chain.head()->is_file();
        if (is_file && options.stops_at_files) return Written::at_file;
        const Step step =
            is_file ? send_range(fd, *chain.head(), options.most) : send_memory(fd, chain, options.corks);
        if (step.size < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? Written::blocked : Written::failed;
        }
        chain.consume(step.size);
        sent += step.size;
        count += step.size;
        if (step.is_short) return Written::blocked;
    }
    return Written::all;
}

}  // namespace sluice::event
