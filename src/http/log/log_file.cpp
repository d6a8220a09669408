// Gathering and writing lines.
#include "http/log/log_file.h"

#include <sys/uio.h>

#include "event/loop.h"
#include "event/timer.h"
#include "http/log/format.h"
#include "http/log/gzip.h"
#include "http/request.h"
#include "http/server_connection.h"

namespace sluice::http::log {

namespace {

/// Lines of one turn; more are written as soon as it is full.
constexpr size_t kTurnSize = 32 * 1024;

}  // namespace

class LogFile::Buffer : public ListNode<Buffer> {
 public:
    Buffer(LogFile& owner, event::Loop& loop);

    /// Room for `size` bytes, or null when that is more than the buffer holds.
    char* room(size_t size);
    void add(size_t size);
    void flush();
    void write(Text text);
    LogFile& owner() const { return owner_; }

    /// Those of this process.
    static List<Buffer, Buffer>& all() {
        static List<Buffer, Buffer> list;
        return list;
    }

 private:
    LogFile& owner_;
    event::Loop& loop_;
    const size_t capacity_;
    std::unique_ptr<char[]> memory_;
    size_t used_ = 0;
    std::unique_ptr<Gzip> gzip_;
    event::Task at_end_of_turn_;
    event::Timer timer_;
};

LogFile::Buffer::Buffer(LogFile& owner, event::Loop& loop)
    : owner_(owner),
      loop_(loop),
      capacity_(owner.buffering_.size.count > 0 ? owner.buffering_.size.size() : kTurnSize),
      memory_(std::make_unique<char[]>(capacity_)),
      at_end_of_turn_(event::Task::call<&Buffer::flush>, this),
      timer_(event::Timer::call<&Buffer::flush>, this) {
    if (owner.buffering_.gzip > 0) gzip_ = std::make_unique<Gzip>(owner.buffering_.gzip, capacity_);
    all().push_back(*this);
}

char* LogFile::Buffer::room(size_t size) {
    if (size > capacity_ - used_) flush();
    return size <= capacity_ - used_ ? memory_.get() + used_ : nullptr;
}

void LogFile::Buffer::add(size_t size) {
    const bool was_empty = used_ == 0;
    used_ += size;
    if (!was_empty) return;
    const Buffering& buffering = owner_.buffering_;
    if (buffering.size.count == 0)
        loop_.defer(at_end_of_turn_);
    else if (buffering.flush.count > 0)
        timer_.arm(loop_, buffering.flush);
}

void LogFile::Buffer::flush() {
    timer_.disarm();
    at_end_of_turn_.unlink();
    if (used_ == 0) return;
    write({memory_.get(), used_});
    used_ = 0;
}

void LogFile::Buffer::write(Text text) {
    if (gzip_ != nullptr) text = gzip_->compress(text, loop_.log());
    if (text.empty()) return;
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    owner_.file_.append({&piece, 1}, loop_.log());
}

LogFile::LogFile(sluice::log::File& file) : file_(file) {
    file.add_flusher(*this);
}

LogFile::~LogFile() = default;

bool LogFile::use(const Buffering& buffering) {
    if (buffering.size.count == 0) return true;
    if (buffering_.size.count != 0) return buffering_ == buffering;
    buffering_ = buffering;
    return true;
}

void LogFile::append(const Line& line, Request& request) {
    if (buffer_ == nullptr) buffer_ = std::make_unique<Buffer>(*this, request.connection().loop());
    const size_t size = line.size() + 1;
    if (char* const begin = buffer_->room(size)) {
        *line.write(begin) = '\n';
        buffer_->add(size);
        return;
    }
    char* const begin = request.arena().make_bytes(size).data();
    *line.write(begin) = '\n';
    buffer_->write({begin, size});
}

void LogFile::flush() {
    if (buffer_ != nullptr) buffer_->flush();
}

void LogFile::leave() {
    while (!Buffer::all().empty()) {
        LogFile& file = Buffer::all().front().owner();
        file.flush();
        file.buffer_.reset();
    }
}

}  // namespace sluice::http::log
