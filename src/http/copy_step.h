// CopyStep: reads the file ranges of a response into memory where what comes behind needs bytes: a filter, a
// transport that encrypts, `sendfile off`, a file past the page cache (`directio`). It stands behind the filters of
// ranges.
//   sendfile off;  output_buffers 2 32k;  aio threads;
//
//   take() ─► waiting ─┬─ memory: as it is ──────────┬─► Request::output_bytes ─ gone ─► the buffers are free again
//                      └─ file: read into a buffer ──┘
#pragma once

#include <cstdint>

#include "event/chain.h"
#include "event/file_read.h"
#include "event/loop.h"
#include "http/stream.h"

namespace sluice::http {

class Request;

/// At most `output_buffers` are full or on their way; while they leave, and while others are read, nothing is taken
/// from the source. Lives in the request's arena; a read that is in flight when the request ends is buried.
class CopyStep {
 public:
    explicit CopyStep(Request& request);
    CopyStep(const CopyStep&) = delete;
    ~CopyStep();

    /// Output of the source, behind what is still here; `pending`: it is here, or on its way.
    OutputState take(event::Chain& chain, bool is_last);
    /// Output that was pending has left. `sent`: all of it, the source may go on.
    OutputState on_gone();

 private:
    class Buffers;

    OutputState go_on();
    OutputState give_on(bool is_end);
    void resume();
    void fill();
    void finish_read();
    void report(const event::Buffer& range) const;
    bool is_idle() const { return waiting_.empty() && ready_.empty(); }

    Request& request_;
    event::Loop& loop_;
    Buffers* buffers_ = nullptr;  ///< lives on while a read is in flight
    event::Chain waiting_;        ///< not looked at yet; its head is what is being read
    event::Chain ready_;          ///< memory, to be given on
    event::Task yield_;           ///< while others have their turn
    int64_t passed_ = 0;          ///< bytes given on since they had it
    bool is_last_ = false;        ///< nothing comes behind `waiting_`
    bool was_end_given_ = false;  ///< the end was given on, too
    bool is_pending_ = false;     ///< what was given on has not gone
    bool is_reading_ = false;
    bool is_failed_ = false;
};

}  // namespace sluice::http
