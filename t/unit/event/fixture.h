// A loop with real sockets around it, for the tests that every backend must pass. Peers live in the same thread: a
// test waits for what it expects by turning the loop, with a deadline.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/unique_fd.h"
#include "event/backend.h"
#include "event/buffer_pool.h"
#include "event/connection.h"
#include "event/listener.h"
#include "event/loop.h"

namespace sluice::event {

/// The other end of a connection: a non-blocking descriptor.
class Peer {
 public:
    Peer() = default;
    explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    /// Writes as much as goes now; returns how much that was.
    size_t write(Text bytes);
    /// Reads what there is, at most `most` bytes, to the end of `received`.
    void read(size_t most = SIZE_MAX);
    bool saw_end() const { return saw_end_; }
    bool saw_reset() const { return saw_reset_; }
    void finish();
    void close() { fd_.reset(); }
    /// Closes with RST.
    void reset();

    std::string received;

 private:
    UniqueFd fd_;
    bool saw_end_ = false;
    bool saw_reset_ = false;
};

/// A connection and the record of what its handler was told.
class Recorder : public ConnectionHandler, public Mortal {
 public:
    explicit Recorder(Loop& loop) : connection(loop, *this) {}
    ~Recorder() override {
        if (destroyed != nullptr) *destroyed = true;
    }

    void on_received(Received& delivery) override;
    void on_sent() override;
    void on_connected() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    bool can_be_buried() const override { return !connection.has_operations(); }

    std::string received;
    std::vector<size_t> deliveries;
    int sent = 0;
    int connected = 0;
    int peer_closed = 0;
    int failed = 0;
    int error = 0;
    std::string error_text;
    size_t received_at_close = 0;

    bool echoes = false;  ///< sends back what it gets
    bool keeps_buffers = false;
    int closes_in = 0;                     ///< closes in the n-th call from now on
    int pauses_in = 0;                     ///< pauses in the n-th delivery from now on
    std::function<void()> reacts = [] {};  ///< called in each delivery
    std::vector<BufferHold> held;
    std::string pending_echo;
    Arena arena;
    bool* destroyed = nullptr;
    Connection connection;

 private:
    void maybe_close();
    void echo();
};

class EventTest : public testing::TestWithParam<BackendKind> {
 protected:
    void SetUp() override;

    /// Turns the loop until the condition holds; false at the deadline.
    template <class Condition>
    bool until(Condition condition, Msec deadline = {10'000}) {
        const int64_t end = monotonic() + deadline.count;
        while (!condition()) {
            if (monotonic() > end) return false;
            loop->turn({20});
        }
        return true;
    }
    /// Turns the loop as long as something happens; then `count` times more.
    void settle(int count = 5);
    static int64_t monotonic();

    /// A connected pair: the peer's end and one that a Connection may open.
    static std::pair<Peer, UniqueFd> tcp_pair(int send_buffer = 0, int receive_buffer = 0);
    static std::pair<Peer, UniqueFd> unix_pair();
    /// A connected client of a listening socket.
    static Peer client_of(int listening);
    static SocketAddress address_of(int fd);
    /// A file with the bytes that pattern() gives.
    static UniqueFd file_with(Text content);
    static std::string pattern(size_t size, unsigned seed = 1);

    std::unique_ptr<Loop> loop;
};

/// In a forked child, for good: the system call `number` fails with `error`, or only when its argument with index
/// `argument` is `value`.
void refuse(int number, int error, int argument = -1, uint32_t value = 0);
/// Whether `body`, run in a forked child, says so; false, too, where it ends in any other way.
bool holds_in_child(const std::function<bool()>& body);

std::string backend_name(const testing::TestParamInfo<BackendKind>& info);
std::vector<BackendKind> working_backends();

}  // namespace sluice::event
