// Starting up: load, become a daemon, write the pid file, supervise.
#include "core/proc/run.h"

#include <csignal>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/version.h"
#include "core/log/clock.h"
#include "core/log/process.h"
#include "core/proc/alone.h"
#include "core/proc/daemon.h"
#include "core/proc/master.h"
#include "core/proc/pid_file.h"

namespace sluice::proc {

namespace {

/// RLIM_INFINITY as nginx prints it: a signed -1.
int64_t shown(rlim_t limit) {
    return static_cast<int64_t>(limit);
}

void log_surroundings(const Log& log) {
    log.notice(kProduct);
    utsname system{};
    if (::uname(&system) == 0) log.notice("OS: ", Text(system.sysname), " ", Text(system.release));
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
        log.notice("getrlimit(RLIMIT_NOFILE): ", shown(files.rlim_cur), ":", shown(files.rlim_max));
}

/// What follows a load that succeeded, up to the point where the server is up.
Result<void> go_live(const Generation& generation, bool is_inherited, Daemon& daemon) {
    const Settings& settings = generation.settings();
    if (settings.daemon && !is_inherited)
        if (Result<void> started = daemon.start(); !started) return started;
    Signals::block();
    if (Result<void> written = write_pid_file(settings.pid_path); !written) return written;
    return redirect_stderr(generation.error_log());
}

}  // namespace

int run(Loader& loader, const Log& start_log) {
    log::Clock::update();
    ListeningSockets sockets;
    const bool is_inherited = sockets.inherit(start_log);
    // The end of the predecessor wakes the master like that of a child.
    if (is_inherited) ::prctl(PR_SET_PDEATHSIG, SIGCHLD);
    sockets.begin();
    Result<std::unique_ptr<Generation>> loaded = loader.load(sockets, nullptr);
    if (!loaded) {
        if (!loaded.error().text.empty()) start_log.emerg(loaded.error().number, loaded.error().text);
        sockets.roll_back(start_log);
        return 1;
    }
    std::unique_ptr<Generation> first = std::move(*loaded);
    const Log log = first->log();
    log_surroundings(log);
    const bool has_master = first->settings().master_process;
    const bool is_daemon = first->settings().daemon || is_inherited;

    Daemon daemon;
    if (Result<void> live = go_live(*first, is_inherited, daemon); !live) {
        log.emerg(live.error().number, live.error().text);
        sockets.roll_back(log);
        return 1;
    }
    log::set_echo_to_stderr(false);
    sockets.commit(log);
    daemon.say_started();
    if (!has_master) return Alone(loader, sockets, std::move(first)).run();
    return Master(loader, sockets, std::move(first), is_daemon).run();
}

}  // namespace sluice::proc
