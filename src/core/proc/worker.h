// Worker: what the body of a worker (or of a helper process) knows of its process: what the master asks of it, and
// how it says that it is ready or going.
#pragma once

#include <cstdint>

#include <sys/types.h>

#include "core/base/text.h"
#include "core/proc/signals.h"

namespace sluice::proc {

class Generation;
class ListeningSockets;

/// What was asked since the last question.
struct Requests {
    bool terminate = false;    ///< TERM, INT: leave now
    bool quit = false;         ///< QUIT: stop accepting, finish what runs, leave
    bool is_relieved = false;  ///< with `quit`: other workers serve the clients from now on (reload, new binary)
    bool reopen = false;       ///< USR1: log files were opened anew; descriptors that were kept are stale
};

/// Loads the next generation when there is no master to do it.
class Reloader {
 public:
    /// True when the present generation shall leave, because the next one is ready.
    virtual bool reload() = 0;

 protected:
    ~Reloader() = default;
};

class Worker {
 public:
    static constexpr uint32_t kHelper = UINT32_MAX;

    /// How a process came to be; filled in by the master.
    struct Origin {
        uint32_t index = 0;
        pid_t master = 0;                     ///< its requests are not worth a log line; 0: there is none
        bool is_daemon = false;               ///< SIGWINCH is not just a terminal that changed its size
        int ready_fd = -1;                    ///< where to say that it is ready
        ListeningSockets* sockets = nullptr;  ///< what close_sockets() closes
        Reloader* reloader = nullptr;         ///< only where there is no master
    };
    Worker(Generation& generation, const Origin& origin) : generation_(generation), origin_(origin) {}
    Worker(const Worker&) = delete;

    /// 0 … worker_processes-1; a worker that replaces a dead one has its number. kHelper for helper processes.
    uint32_t index() const { return origin_.index; }
    /// True when there is no master (`master_process off`).
    bool is_alone() const { return origin_.master == 0; }

    /// Becomes readable when something is asked; watch it, and call take_requests() then. Signals are blocked in
    /// every thread of a worker and arrive here only: no system call is ever interrupted.
    int wake_fd() const { return signals_.fd(); }
    /// Reads what was asked since the last call, logs it as nginx does, and opens log files anew if that was asked.
    /// Never blocks (but for a reload without a master).
    Requests take_requests();

    /// All listeners accept. The master tells the workers of the previous generation to leave when all (or, after
    /// some time, any) of the new workers have said so; a reload whose workers never do is taken back.
    void say_ready();
    /// The body starts to leave gracefully: sets the log line and the process title that nginx has for it. The body
    /// itself ends what still runs after Settings::shutdown_timeout.
    void say_shutting_down();
    /// Whether TERM, INT or QUIT came; a reload without a master ends the body, too.
    bool was_told_to_leave() const { return was_told_to_leave_; }
    /// Nothing of this process waits for connections any more: closes its listening sockets. Not earlier: a socket
    /// that other processes have open, too, can't be taken out of an epoll set once this process has closed it, and
    /// would go on waking this worker instead of theirs.
    void close_sockets();

    /// Opens wake_fd(); before the body runs. False, with errno, when that fails.
    bool open() { return signals_.open(); }

 private:
    void take(const Signal& signal, Requests& asked);

    Generation& generation_;
    Origin origin_;
    Signals signals_;
    bool is_shutting_down_ = false;
    bool was_told_to_leave_ = false;
};

}  // namespace sluice::proc
