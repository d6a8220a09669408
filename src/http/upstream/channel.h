// Channel: what an exchange talks through once it can: a connection of its own (HTTP/1), or a stream of one that many
// requests share (HTTP/2). What comes is told to the exchange by the calls of event::ConnectionHandler.
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "event/connection.h"

namespace sluice::http::upstream {

class Pool;

class Channel {
 public:
    /// Sends a chain, maybe an empty one; takes its contents. `is_last`: the request ends with it. The rules are
    /// those of event::Connection::send(): on_sent() follows only on `pending`.
    virtual event::SendState send(event::Chain& chain, bool is_last) = 0;
    virtual bool is_sending() const = 0;
    /// Why send() failed.
    virtual Error send_error() const = 0;

    /// No on_received() until resume(); what comes meanwhile is kept, and is bounded.
    virtual void pause() = 0;
    /// Delivers what was kept later, not from within this call.
    virtual void resume() = 0;
    virtual bool is_paused() const = 0;
    /// Much will come.
    virtual void expect_bulk() = 0;
    /// At most so many bytes are delivered at once, where that is possible; 0: any.
    virtual void limit_receiving(uint32_t most) = 0;

    /// Bytes handed to the kernel: growing numbers, to see whether there is progress.
    virtual int64_t bytes_sent() const = 0;
    /// Of these, what this channel's users gave.
    virtual int64_t user_bytes_sent() const = 0;
    /// The upstream has certainly done nothing with the request (RFC 9113 §8.7): it may be repeated, whatever it is.
    virtual bool was_refused() const = 0;

    /// The exchange gives up (close() follows): for so long nothing came, or nothing could be sent.
    virtual void on_timed_out(Msec silence) = 0;
    /// The exchange is complete: what carried it waits in `pool` for the next one, or ends (null).
    virtual void finish(Pool* pool) = 0;
    /// The exchange is given up. Nothing is told any more.
    virtual void close() = 0;

 protected:
    ~Channel() = default;
};

}  // namespace sluice::http::upstream
