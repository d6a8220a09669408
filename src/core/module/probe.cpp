// The child that tries a module first.
#include "core/module/probe.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::module {

namespace {

constexpr unsigned kMostSeconds = 5;
constexpr int kEndings[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};

/// Whatever ends the child ends it at once: without a core, without a handler of the parent's or a sanitizer's.
[[noreturn]] void run_in_child(int keep, Trial& trial) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    sigset_t endings;
    ::sigemptyset(&endings);
    for (const int number : kEndings) {
        ::signal(number, SIG_DFL);
        ::sigaddset(&endings, number);
    }
    ::sigprocmask(SIG_UNBLOCK, &endings, nullptr);
    const auto kept = static_cast<unsigned>(keep);
    if (kept > 0) ::close_range(0, kept - 1, 0);  // stderr, too: the dynamic linker has words of its own
    ::close_range(kept + 1, ~0U, 0);
    ::alarm(kMostSeconds);
    ::_exit(trial.run() ? 0 : 1);
}

/// Why the module is taken for corrupt; empty: it is not.
std::string why_corrupt(int status) {
    if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? "" : "its tables are damaged";
    const int number = WTERMSIG(status);
    if (number == SIGALRM) return "loading it does not end";
    return "loading it ends with signal " + std::to_string(number);
}

/// Whoever started us may have chosen that children vanish without a word (SIG_IGN outlives exec).
class HearsOfChildren {
 public:
    HearsOfChildren() {
        ::sigaction(SIGCHLD, nullptr, &before_);
        if (before_.sa_handler == SIG_IGN) ::signal(SIGCHLD, SIG_DFL);
    }
    HearsOfChildren(const HearsOfChildren&) = delete;
    ~HearsOfChildren() {
        if (before_.sa_handler == SIG_IGN) ::sigaction(SIGCHLD, &before_, nullptr);
    }

 private:
    struct sigaction before_ {};
};

}  // namespace

Result<void> probe(const std::string& path, int keep, Trial& trial) {
    const HearsOfChildren hears;
    const pid_t child = ::fork();
    if (child < 0) return Error("fork() failed while trying module \"" + path + "\"", errno);
    if (child == 0) run_in_child(keep, trial);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return Error("waitpid() failed while trying module \"" + path + "\"", errno);
    }
    const std::string reason = why_corrupt(status);
    if (reason.empty()) return {};
    return Error("module \"" + path + "\" is corrupt: " + reason);
}

}  // namespace sluice::module
