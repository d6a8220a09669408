// SpillWriter: writes a relay's pieces to its temporary file in a thread.
//   aio threads;  aio_write on;
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <sys/uio.h>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "event/loop.h"
#include "event/received.h"
#include "event/thread_pool.h"

namespace sluice::http::upstream {

/// Where and for whom writing goes on meanwhile.
struct SpillThreads {
    event::Loop& loop;
    event::ThreadPool& pool;
    event::Task::Callback done;  ///< called from the loop when all is written, or could not be
    void* owner;
};

/// Of one use. It lives on when the request ends meanwhile: the thread has memory and a descriptor of its own.
class SpillWriter final : public event::Mortal {
 public:
    explicit SpillWriter(const SpillThreads& threads) : threads_(threads) {}
    bool can_be_buried() const override { return !job_.is_posted(); }

    /// A piece that lies in a buffer of the loop's, which is held until then; without one, the bytes are copied.
    void add(Text bytes, event::BufferHold hold);
    /// Begins to write behind `offset` of a file. False, with errno.
    bool start(int fd, int64_t offset);
    /// Nothing is told any more; destroys it as soon as possible.
    void leave();

    /// After `done`: errno of a write that failed, else 0.
    int error() const { return error_; }
    int64_t size() const { return size_; }

 private:
    void write();
    void on_written();

    SpillThreads threads_;
    UniqueFd file_;
    std::vector<iovec> pieces_;
    std::vector<event::BufferHold> holds_;
    std::deque<std::string> copies_;
    int64_t offset_ = 0;
    int64_t size_ = 0;
    int error_ = 0;
    bool is_left_ = false;
    event::ThreadJob job_{event::ThreadJob::call<&SpillWriter::write>,
                          event::ThreadJob::call<&SpillWriter::on_written>, this};
};

/// Writes all of a piece. False, with errno.
bool write_piece(int fd, Text bytes, int64_t offset);

}  // namespace sluice::http::upstream
