// Signals as data: blocked in the whole process and read from a descriptor, so that none is lost and none interrupts
// a system call.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>

#include <sys/types.h>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::proc {

/// The master's signals, and those that a worker may get because somebody mistakes it for the master.
constexpr std::initializer_list<int> kSignals{SIGHUP,  SIGUSR1, SIGWINCH, SIGTERM, SIGQUIT,
                                              SIGUSR2, SIGINT,  SIGALRM,  SIGCHLD, SIGIO};

/// Goes with a QUIT to a worker whose clients are served by others from now on.
constexpr int kRelieved = 1;

struct Signal {
    int number = 0;
    pid_t sender = 0;
    int value = 0;  ///< what sigqueue() sent along
};

class Signals {
 public:
    /// Blocks kSignals in this thread and those it starts, and ignores SIGPIPE and SIGSYS, as nginx does.
    static void block();
    /// The mask that a program expects which is executed from here.
    static void unblock();

    /// Opens the descriptor; false, with errno, when there is none to be had. One process's descriptor does not
    /// deliver to its child: a child opens its own.
    bool open();
    int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    /// The next signal that is waiting; never blocks.
    std::optional<Signal> next();

 private:
    UniqueFd fd_;
};

/// "SIGHUP"
Text signal_name(int number);
/// "signal 1 (SIGHUP) received from 71, reconfiguring"; `action` comes with its ", " or is empty.
void log_signal(const Log& log, const Signal& signal, Text action);

}  // namespace sluice::proc
