// Blocking signals, reading them, and their names.
#include "core/proc/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace sluice::proc {

namespace {

sigset_t all_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : kSignals) ::sigaddset(&set, number);
    return set;
}

}  // namespace

void Signals::block() {
    const sigset_t set = all_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGSYS, SIG_IGN);
}

void Signals::unblock() {
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGSYS, SIG_DFL);
    const sigset_t set = all_signals();
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

bool Signals::open() {
    const sigset_t set = all_signals();
    fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    return fd_.get() >= 0;
}

std::optional<Signal> Signals::next() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
    const int value = info.ssi_code == SI_QUEUE ? info.ssi_int : 0;
    return Signal{static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid), value};
}

Text signal_name(int number) {
    switch (number) {
        case SIGHUP: return "SIGHUP";
        case SIGUSR1: return "SIGUSR1";
        case SIGWINCH: return "SIGWINCH";
        case SIGTERM: return "SIGTERM";
        case SIGQUIT: return "SIGQUIT";
        case SIGUSR2: return "SIGUSR2";
        case SIGALRM: return "SIGALRM";
        case SIGINT: return "SIGINT";
        case SIGIO: return "SIGIO";
        case SIGCHLD: return "SIGCHLD";
        default: return "unknown";
    }
}

void log_signal(const Log& log, const Signal& signal, Text action) {
    if (signal.sender != 0) {
        log.notice("signal ", signal.number, " (", signal_name(signal.number), ") received from ", signal.sender,
                   action);
    } else {
        log.notice("signal ", signal.number, " (", signal_name(signal.number), ") received", action);
    }
}

}  // namespace sluice::proc
