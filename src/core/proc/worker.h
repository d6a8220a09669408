// Worker: what the body of a worker (or of a helper process) knows of its process: what the master asks of it, and
// how it says that it is ready or going.
#pragma once

#include <cstdint>

#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::proc {

class Generation;

/// What was asked since the last question.
struct Requests {
    bool terminate = false;  ///< TERM, INT: leave now
    bool quit = false;       ///< QUIT: stop accepting, finish what runs, leave
    bool reopen = false;     ///< USR1: open the log files anew
};

class Worker {
 public:
    Worker(const Worker&) = delete;

    /// 0 … worker_processes-1; a worker that replaces a dead one has its number. UINT32_MAX for helper processes.
    uint32_t index() const { return index_; }
    /// True when there is no master (`master_process off`).
    bool is_alone() const { return is_alone_; }
    const Generation& generation() const { return generation_; }

    /// Becomes readable when something is asked; watch it, and call take_requests() then. Signals are blocked in
    /// every thread of a worker and arrive here only: no system call is ever interrupted.
    int wake_fd() const { return signals_.get(); }
    /// Reads what was asked since the last call, and logs each signal as nginx does. Never blocks.
    Requests take_requests();

    /// All listeners accept. The master tells the workers of the previous generation to leave when all (or, after
    /// some time, any) of the new workers have said so; a reload whose workers never do fails.
    void say_ready();
    /// The body starts to leave gracefully: writes the log line and the process title that nginx has for it. The body
    /// itself ends what still runs after Settings::shutdown_timeout.
    void say_shutting_down();

 private:
    friend class WorkerMain;
    Worker(const Generation& generation, uint32_t index, bool is_alone)
        : generation_(generation), index_(index), is_alone_(is_alone) {}

    const Generation& generation_;
    uint32_t index_;
    bool is_alone_;
    bool wants_reload_ = false;  ///< HUP, only when there is no master
    UniqueFd signals_;
    UniqueFd ready_;
};

}  // namespace sluice::proc
