// FileRead: a piece of a file read into memory in a way that need not block the loop: in a thread of a pool, or by
// the kernel's ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

#include "core/base/text.h"
#include "event/backend.h"
#include "event/loop.h"
#include "event/thread_pool.h"

namespace sluice::event {

/// The path of an open file, for the log; it lies in `room`, or is "?".
Text path_of_descriptor(int fd, std::span<char> room);

/// How files are read.
enum class FileReadWay : uint8_t {
    blocking,  ///< at once, by the loop's thread
    threads,   ///< at once what lies in the page cache, in a thread what does not
    kernel,    ///< by the ring of io_uring; with epoll, which has nothing of the kind, as `blocking`
};

/// One read at a time. It lives on the loop's thread, and must not move while a read is in flight. Closing the file
/// meanwhile is harmless: at worst other bytes come into the memory, which nobody looks at any more.
class FileRead final : public Operation {
 public:
    enum class State : uint8_t { done, pending };

    /// A piece of a file, and where it goes.
    struct Piece {
        int fd = -1;
        int64_t offset = 0;
        char* to = nullptr;
        size_t size = 0;         ///< at least 1
        bool is_direct = false;  ///< opened with O_DIRECT: all of the above is aligned
    };

    /// `pool` is only used, and then not null, where the way is `threads`. `done` is called from the loop when a read
    /// that was pending has ended.
    FileRead(Loop& loop, FileReadWay way, ThreadPool* pool, Task::Callback done, void* owner)
        : loop_(loop), way_(way), pool_(pool), done_(done), owner_(owner) {}
    FileRead(const FileRead&) = delete;
    /// Only when nothing is in flight.
    ~FileRead() = default;

    /// Begins to read. `done`: size() says what came. A read may bring less than was asked for; 0 is the file's end.
    State start(const Piece& piece);
    /// Between start() and `done`: memory and object must stay.
    bool is_in_flight() const { return is_in_ring_ || job_.is_posted(); }

    /// Bytes of the last read; -1: it failed, error() is an errno.
    ssize_t size() const { return size_; }
    int error() const { return error_; }

    /// The backend's: the ring has read.
    void on_completion(int result) override;
    const Piece& piece() const { return piece_; }

 private:
    void read();
    void take(ssize_t size);
    void on_read() { done_(owner_); }
    State start_in_thread();

    Loop& loop_;
    const FileReadWay way_;
    bool is_in_ring_ = false;
    ThreadPool* const pool_;
    const Task::Callback done_;
    void* const owner_;
    Piece piece_;
    ssize_t size_ = 0;
    int error_ = 0;
    ThreadJob job_{ThreadJob::call<&FileRead::read>, ThreadJob::call<&FileRead::on_read>, this};
};

}  // namespace sluice::event
