// Setting up a worker after the fork, in nginx's order. What would let it run with more rights than configured, or in
// the wrong place, is fatal; the rest is told and lived with.
#include "core/proc/child.h"

#include <cerrno>
#include <cstdlib>
#include <string>

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/out_of_memory.h"
#include "core/proc/environment.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/title.h"

namespace sluice::proc {

namespace {

void set_limit(const Log& log, __rlimit_resource resource, Text name, std::optional<int64_t> limit) {
    if (!limit) return;
    const rlimit both{static_cast<rlim_t>(*limit), static_cast<rlim_t>(*limit)};
    if (::setrlimit(resource, &both) != 0) log.alert(errno, "setrlimit(", name, ", ", *limit, ") failed");
}

[[noreturn]] void fail(const Log& log, LogLevel level, int number, Text what) {
    log.write(level, number, what, " failed");
    std::exit(exit_code_after(number));
}

void become(const User& user, const Log& log) {
    if (::geteuid() != 0 || user.uid == User::kNoUser) return;
    if (::setgid(user.gid) != 0) fail(log, LogLevel::emerg, errno, "setgid(" + std::to_string(user.gid) + ")");
    if (::initgroups(user.name.c_str(), user.gid) != 0)
        fail(log, LogLevel::emerg, errno, "initgroups(" + user.name + ", " + std::to_string(user.gid) + ")");
    if (::setuid(user.uid) != 0) fail(log, LogLevel::emerg, errno, "setuid(" + std::to_string(user.uid) + ")");
}

void bind_to_cpus(const Settings& settings, uint32_t index, const Log& log) {
    if (index == Worker::kHelper) return;
    const std::optional<cpu_set_t> cpus = settings.affinity.of_worker(index);
    if (cpus && ::sched_setaffinity(0, sizeof *cpus, &*cpus) != 0) log.alert(errno, "sched_setaffinity() failed");
}

void set_up(const Settings& settings, uint32_t index, const Log& log) {
    apply_environment(settings);
    if (index != Worker::kHelper && settings.priority != 0 && ::setpriority(PRIO_PROCESS, 0, settings.priority) != 0)
        log.alert(errno, "setpriority(", settings.priority, ") failed");
    set_limit(log, RLIMIT_NOFILE, "RLIMIT_NOFILE", settings.rlimit_nofile);
    set_limit(log, RLIMIT_CORE, "RLIMIT_CORE", settings.rlimit_core);
    become(settings.user, log);
    bind_to_cpus(settings, index, log);
    // A process that changed its user does not dump core without this.
    if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) log.alert(errno, "prctl(PR_SET_DUMPABLE) failed");
    if (!settings.working_directory.empty() && ::chdir(settings.working_directory.c_str()) != 0)
        fail(log, LogLevel::alert, errno, "chdir(\"" + settings.working_directory + "\")");
}

}  // namespace

int exit_code_after(int number) {
    switch (number) {
        case EAGAIN:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case ENOSPC: return kFailed;
        default: return kFatal;
    }
}

void run_child(Generation& generation, const HelperProcess* helper, const Worker::Origin& origin) {
    const Log log = generation.log();
    on_out_of_memory(
        [](const void* to) { static_cast<const Log*>(to)->emerg(ENOMEM, "no memory, this process ends"); }, &log);
    if (origin.sockets != nullptr) origin.sockets->drop_unclaimed();
    if (helper != nullptr) set_title(helper->name);
    set_up(generation.settings(), origin.index, log);
    Worker worker(generation, origin);
    if (!worker.open()) fail(log, LogLevel::emerg, errno, "signalfd()");
    const int code = helper != nullptr ? helper->body(worker, helper->argument) : generation.run_worker(worker);
    log.notice("exiting");
    log.notice("exit");
    std::exit(code);
}

}  // namespace sluice::proc
