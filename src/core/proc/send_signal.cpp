// `-s NAME`: finds the master by its pid file and signals it.
#include <array>
#include <cerrno>
#include <csignal>

#include "core/proc/pid_file.h"
#include "core/proc/run.h"

namespace sluice::proc {

namespace {

struct NamedSignal {
    Text name;
    int number;
};

constexpr std::array<NamedSignal, 4> kNamedSignals{
    {{"stop", SIGTERM}, {"quit", SIGQUIT}, {"reopen", SIGUSR1}, {"reload", SIGHUP}}};

int number_of(Text name) {
    for (const NamedSignal& signal : kNamedSignals)
        if (signal.name == name) return signal.number;
    return 0;
}

}  // namespace

bool is_signal_name(Text name) {
    return number_of(name) != 0;
}

int send_signal(Text name, const std::string& pid_path, const Log& log) {
    log.notice("signal process started");
    Result<pid_t> master = read_pid_file(pid_path);
    if (!master) {
        log.error(master.error().number, master.error().text);
        return 1;
    }
    const int number = number_of(name);
    if (::kill(*master, number) == 0) return 0;
    log.alert(errno, "kill(", *master, ", ", number, ") failed");
    return 1;
}

}  // namespace sluice::proc
