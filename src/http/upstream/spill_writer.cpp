// SpillWriter.
#include "http/upstream/spill_writer.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::http::upstream {

bool write_piece(int fd, Text bytes, int64_t offset) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        offset += count;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

void SpillWriter::add(Text bytes, event::BufferHold hold) {
    if (hold) {
        holds_.push_back(std::move(hold));
    } else {
        bytes = copies_.emplace_back(bytes);
    }
    pieces_.push_back({const_cast<char*>(bytes.data()), bytes.size()});
    size_ += static_cast<int64_t>(bytes.size());
}

bool SpillWriter::start(int fd, int64_t offset) {
    file_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!file_) return false;
    offset_ = offset;
    if (threads_.pool.post(job_)) return true;
    errno = EAGAIN;
    return false;
}

void SpillWriter::write() {
    int64_t at = offset_;
    for (const iovec& piece : pieces_) {
        if (!write_piece(file_.get(), {static_cast<const char*>(piece.iov_base), piece.iov_len}, at)) {
            error_ = errno;
            return;
        }
        at += static_cast<int64_t>(piece.iov_len);
    }
}

void SpillWriter::on_written() {
    if (!is_left_) threads_.done(threads_.owner);
}

void SpillWriter::leave() {
    is_left_ = true;
    threads_.loop.bury(this);
}

}  // namespace sluice::http::upstream
