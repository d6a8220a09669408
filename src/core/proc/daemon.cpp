// Becoming a daemon.
#include "core/proc/daemon.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/error_log.h"
#include "core/log/open_files.h"

namespace sluice::proc {

namespace {

Error system_error(Text what) {
    const int number = errno;
    return Error(what, number);
}

Result<void> leave_terminal() {
    if (::setsid() < 0) return system_error("setsid() failed");
    ::umask(0);
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return system_error("open(\"/dev/null\") failed");
    if (::dup2(null.get(), STDIN_FILENO) < 0) return system_error("dup2(STDIN) failed");
    if (::dup2(null.get(), STDOUT_FILENO) < 0) return system_error("dup2(STDOUT) failed");
    return {};
}

}  // namespace

Result<void> Daemon::start() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2() failed");
    UniqueFd reading(ends[0]);
    started_.reset(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return system_error("fork() failed");
    if (child == 0) return leave_terminal();

    started_.reset();
    char byte = 0;
    ssize_t size = 0;
    do {
        size = ::read(reading.get(), &byte, 1);
    } while (size < 0 && errno == EINTR);
    std::exit(size == 1 ? 0 : 1);
}

void Daemon::say_started() {
    if (!started_) return;
    [[maybe_unused]] const ssize_t written = ::write(started_.get(), "s", 1);
    started_.reset();
}

Result<void> redirect_stderr(const log::ErrorLog& log) {
    const log::File* file = log.first_file();
    if (log.uses_stderr() || file == nullptr || file->fd() < 0) return {};
    if (::dup2(file->fd(), STDERR_FILENO) < 0) return system_error("dup2(STDERR) failed");
    return {};
}

}  // namespace sluice::proc
