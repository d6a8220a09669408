// A worker's side of signals and of telling the master how far it is.
#include "core/proc/worker.h"

#include <unistd.h>

#include "core/log/open_files.h"
#include "core/proc/generation.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/title.h"

namespace sluice::proc {

Requests Worker::take_requests() {
    Requests asked;
    while (const std::optional<Signal> signal = signals_.next()) take(*signal, asked);
    if (asked.reopen) {
        generation_.log().notice("reopening logs");
        generation_.reopen_logs(log::OpenFiles::kKeepOwner);
    }
    return asked;
}

void Worker::take(const Signal& signal, Requests& asked) {
    Text action = ", ignoring";
    switch (signal.number) {
        case SIGTERM:
        case SIGINT:
            asked.terminate = was_told_to_leave_ = true;
            action = ", exiting";
            break;
        case SIGWINCH:
            if (!origin_.is_daemon || is_alone()) break;
            [[fallthrough]];
        case SIGQUIT:
            asked.quit = was_told_to_leave_ = true;
            asked.is_relieved |= signal.value == kRelieved;
            action = ", shutting down";
            break;
        case SIGUSR1:
            asked.reopen = true;
            action = ", reopening logs";
            break;
        case SIGHUP:
            if (origin_.reloader == nullptr) break;
            action = ", reconfiguring";
            asked.terminate |= origin_.reloader->reload();
            break;
        case SIGCHLD:
        case SIGALRM:
        case SIGIO: action = {}; break;
        default: break;
    }
    if (signal.sender == 0 || signal.sender != origin_.master) log_signal(generation_.log(), signal, action);
}

// As with nginx, whoever sees the title knows that the worker is set up.
void Worker::say_ready() {
    if (index() != kHelper && !is_alone()) set_title("worker process");
    if (origin_.ready_fd < 0) return;
    const pid_t number = ::getpid();
    // A full pipe means that the master is stuck; it will take this worker for slow, not for broken.
    [[maybe_unused]] const ssize_t written = ::write(origin_.ready_fd, &number, sizeof number);
    ::close(origin_.ready_fd);
    origin_.ready_fd = -1;
}

void Worker::close_sockets() {
    if (origin_.sockets != nullptr) origin_.sockets->drop_all();
}

void Worker::say_shutting_down() {
    if (is_shutting_down_) return;
    is_shutting_down_ = true;
    generation_.log().notice("gracefully shutting down");
    if (index() != kHelper) set_title("worker process is shutting down");
}

}  // namespace sluice::proc
