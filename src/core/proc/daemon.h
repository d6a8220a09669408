// Becoming a daemon in two steps, so that the command that starts the server returns when it runs, and fails when it
// does not.
#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace sluice::log {
class ErrorLog;
}

namespace sluice::proc {

class Daemon {
 public:
    /// Goes on in a child with a session of its own, umask 0 and no terminal on standard input and output. The parent
    /// waits for say_started() and then exits 0; when the child dies before, it exits 1.
    Result<void> start();
    void say_started();

 private:
    UniqueFd started_;
};

/// Lets stderr go to the first file of the error log, unless stderr itself is one of its targets: what libraries and
/// sanitizers print is found there.
Result<void> redirect_stderr(const log::ErrorLog& log);

}  // namespace sluice::proc
