// FileSender: how a connection's files leave where that is not the usual way: a few bytes at a time, or by sendfile()
// in a thread of a pool, since they may have to be read from a disk first.
//   sendfile_max_chunk 512k;  aio threads;
#pragma once

#include <cstdint>

#include "core/base/unique_fd.h"
#include "event/chain.h"
#include "event/loop.h"
#include "event/thread_pool.h"

namespace sluice::event {

class Connection;

/// One range at a time. It lives on when its connection ends meanwhile: the thread has descriptors of its own, since
/// the numbers of those that are closed may come to mean another client and another file.
class FileSender final : public Mortal {
 public:
    explicit FileSender(Connection& connection) : connection_(&connection) {}
    bool can_be_buried() const override { return !job_.is_posted(); }

    /// Bytes that leave before others have their turn (0: any), and the pool; null: files leave from the loop.
    void set(int64_t most_at_once, ThreadPool* pool) {
        most_at_once_ = most_at_once;
        pool_ = pool;
    }
    int64_t most_at_once() const { return most_at_once_; }
    bool has_pool() const { return pool_ != nullptr; }
    /// Begins to send the front of a range in a thread. Connection::on_file_sent() follows from the loop. False, with
    /// errno: no descriptor, or no place in the pool.
    bool start(int socket, const Buffer& range);
    bool is_in_flight() const { return job_.is_posted(); }
    /// The connection ends: nothing is told any more. Destroys the sender when that is possible.
    void leave(Loop& loop);

 private:
    void send();
    void on_sent();

    Connection* connection_;
    ThreadPool* pool_ = nullptr;
    int64_t most_at_once_ = 0;
    UniqueFd socket_;
    UniqueFd file_;
    Buffer range_;
    int64_t most_ = 0;
    int64_t sent_ = 0;
    int error_ = 0;  ///< what ended it early; 0 with less than was asked for: the file is shorter
    ThreadJob job_{ThreadJob::call<&FileSender::send>, ThreadJob::call<&FileSender::on_sent>, this};
};

}  // namespace sluice::event
