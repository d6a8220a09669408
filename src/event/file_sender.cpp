// FileSender.
#include "event/file_sender.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "event/connection.h"
#include "event/socket_writer.h"

namespace sluice::event {

bool FileSender::start(int socket, const Buffer& range) {
    socket_.reset(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    file_.reset(socket_ ? ::fcntl(range.fd, F_DUPFD_CLOEXEC, 0) : -1);
    if (!file_) return false;
    range_ = range;
    range_.fd = file_.get();
    most_ = most_at_once_ > 0 ? std::min(most_at_once_, range.size()) : range.size();
    if (pool_->post(job_)) return true;
    errno = EAGAIN;
    return false;
}

void FileSender::send() {
    sent_ = 0;
    error_ = 0;
    while (sent_ < most_) {
        const ssize_t size = send_file(socket_.get(), range_, most_ - sent_);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) error_ = errno;
        if (size <= 0) break;
        range_.file_begin += size;
        sent_ += size;
    }
}

void FileSender::on_sent() {
    socket_.reset();
    file_.reset();
    if (connection_ == nullptr) return;
    const bool is_short = error_ == 0 && sent_ < most_;
    connection_->on_file_sent(sent_, error_, is_short);
}

void FileSender::leave(Loop& loop) {
    connection_ = nullptr;
    loop.bury(this);
}

}  // namespace sluice::event
