// FileRead: the three ways.
#include "event/file_read.h"

#include <cerrno>

#include <sys/uio.h>
#include <unistd.h>

#include "core/base/text_builder.h"

namespace sluice::event {

Text path_of_descriptor(int fd, std::span<char> room) {
    char link[32];
    TextBuilder name(link);
    name.add("/proc/self/fd/", fd, '\0');
    const ssize_t size = ::readlink(link, room.data(), room.size());
    return size > 0 ? Text(room.data(), static_cast<size_t>(size)) : Text("?");
}

void FileRead::take(ssize_t size) {
    size_ = size;
    error_ = size < 0 ? errno : 0;
}

void FileRead::read() {
    ssize_t size = 0;
    do {
        size = ::pread(piece_.fd, piece_.to, piece_.size, piece_.offset);
    } while (size < 0 && errno == EINTR);
    take(size);
}

FileRead::State FileRead::start(const Piece& piece) {
    piece_ = piece;
    if (way_ == FileReadWay::threads) return start_in_thread();
    if (way_ == FileReadWay::kernel && loop_.backend().start(*this)) {
        is_in_ring_ = true;
        return State::pending;
    }
    read();
    return State::done;
}

/// A thread takes several times as long as it takes to copy what lies in the page cache.
FileRead::State FileRead::start_in_thread() {
    if (!piece_.is_direct) {
        const iovec memory{piece_.to, piece_.size};
        const ssize_t size = ::preadv2(piece_.fd, &memory, 1, piece_.offset, RWF_NOWAIT);
        if (size > 0) {
            take(size);
            return State::done;
        }
    }
    if (pool_->post(job_)) return State::pending;
    errno = EAGAIN;
    take(-1);
    return State::done;
}

void FileRead::on_completion(int result) {
    is_in_ring_ = false;
    if (result < 0) errno = -result;
    take(result < 0 ? -1 : result);
    done_(owner_);
}

}  // namespace sluice::event
