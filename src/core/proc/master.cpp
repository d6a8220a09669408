// The master's loop: waiting, reading signals, and doing what they ask for.
#include "core/proc/master.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/out_of_memory.h"
#include "core/log/clock.h"
#include "core/proc/child.h"
#include "core/proc/pid_file.h"
#include "core/proc/title.h"

namespace sluice::proc {

namespace {

using namespace literals;

/// How long workers have for a fast stop, and how often it is said again with KILL.
constexpr Msec kFastStop = 1500_ms;
constexpr Msec kKillAgain = 1_s;
/// New workers that die so often right after their start are not waited for.
constexpr unsigned kHopeless = 3;

std::string title_of_master() {
    std::string title = "master process";
    for (const std::string& word : arguments()) title.append(" ").append(word);
    return title;
}

}  // namespace

Master::Master(Loader& loader, ListeningSockets& sockets, std::unique_ptr<Generation> first, bool is_daemon)
    : loader_(loader), sockets_(sockets), is_daemon_(is_daemon) {
    current_ = {std::move(first), 1};
}

int Master::run() {
    on_out_of_memory(
        [](const void* self) { static_cast<const Master*>(self)->log().emerg(ENOMEM, "no memory, the master ends"); },
        this);
    if (!open_descriptors()) {
        leave();
        return 1;
    }
    set_title(title_of_master());
    is_starting_ = true;
    started_ = monotonic_now();
    start_children();
    for (;;) {
        finish_starting();
        if (is_leaving() && children_.are_gone()) return leave();
        wait();
        read_signals();
        read_ready();
        act();
        fill_vacancies();
        escalate();
    }
}

bool Master::open_descriptors() {
    int ends[2];
    if (!signals_.open() || ::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        log().emerg(errno, "signalfd() or pipe2() failed");
        return false;
    }
    ready_.reset(ends[0]);
    ready_writing_.reset(ends[1]);
    return true;
}

// --- waiting ---

Msec Master::next_deadline() const {
    Msec next{-1};
    const auto consider = [&next](Msec time) {
        if (time.count >= 0 && (next.count < 0 || time < next)) next = time;
    };
    consider(kill_at_);
    if (is_starting_) consider(started_ + kStarting);
    if (may_look()) consider(look_at_);
    if (!is_leaving() && !is_draining_)
        for (const Vacancy& vacancy : children_.vacancies()) consider(vacancy.due);
    return next;
}

void Master::wait() {
    const Msec deadline = next_deadline();
    const int64_t left = deadline.count < 0 ? -1 : std::max<int64_t>((deadline - monotonic_now()).count, 0);
    pollfd watched[2] = {{signals_.fd(), POLLIN, 0}, {ready_.get(), POLLIN, 0}};
    if (::poll(watched, 2, static_cast<int>(left)) < 0 && errno != EINTR) log().alert(errno, "poll() failed");
    log::Clock::update();
}

void Master::read_signals() {
    while (const std::optional<Signal> signal = signals_.next()) take(*signal);
}

/// Whether another master serves on the same sockets, so that clients of workers that leave are welcome there.
bool Master::another_serves() const {
    return is_upgrading() || sockets_.predecessor_lives();
}

void Master::take(const Signal& signal) {
    Text action;
    bool is_refused_upgrade = false;
    switch (signal.number) {
        case SIGQUIT:
            wishes_.quit = true;
            action = ", shutting down";
            break;
        case SIGTERM:
        case SIGINT:
            wishes_.terminate = true;
            action = ", exiting";
            break;
        case SIGWINCH:
            // In a terminal it says nothing but that the window has another size.
            if (!is_daemon_) break;
            wishes_.drain = true;
            action = ", stop accepting connections";
            break;
        case SIGHUP:
            // As long as the new binary's end was not seen: what the configuration says now may be meant for that
            // one.
            (is_upgrading() ? wishes_.revive : wishes_.reload) = true;
            action = ", reconfiguring";
            break;
        case SIGUSR1:
            wishes_.reopen = true;
            action = ", reopening logs";
            break;
        case SIGUSR2:
            is_refused_upgrade = another_serves();
            wishes_.upgrade |= !is_refused_upgrade;
            action = is_refused_upgrade ? ", ignoring" : ", changing binary";
            break;
        case SIGCHLD: wishes_.reap = true; break;
        default: break;
    }
    log_signal(log(), signal, action);
    if (is_refused_upgrade)
        log().write(
            LogLevel::crit, 0,
            "the changing binary signal is ignored: you should shutdown or terminate before either old or new "
            "binary's process");
}

void Master::read_ready() {
    pid_t number = 0;
    while (::read(ready_.get(), &number, sizeof number) == sizeof number)
        if (Child* child = children_.find(number)) child->is_ready = true;
}

// --- acting ---

void Master::act() {
    sockets_.look_after(log());
    if (std::exchange(wishes_.reap, false)) reap();
    if (std::exchange(wishes_.reopen, false)) reopen();
    if (is_leaving()) return act_on_leaving();
    finish_starting();
    // One thing at a time: what comes while workers start waits until they run, and a storm of HUPs is one.
    if (is_starting_) return;
    // Signals that come together have lost their order: rather than none, there are workers in the end.
    if ((wishes_.revive || wishes_.reload) && std::exchange(wishes_.drain, false)) drain();
    if (std::exchange(wishes_.revive, false)) revive();
    if (std::exchange(wishes_.reload, false)) reload();
    if (is_starting_) return;
    if (std::exchange(wishes_.upgrade, false)) upgrade();
    if (std::exchange(wishes_.drain, false)) drain();
    look();
}

void Master::act_on_leaving() {
    children_.vacancies().clear();
    if (wishes_.terminate) {
        if (kill_at_.count >= 0) return;
        kill_at_ = monotonic_now() + kFastStop;
        children_.signal_all(SIGTERM, log());
    } else if (!std::exchange(has_quit_, true)) {
        children_.signal_all(SIGQUIT, log(), another_serves());
        sockets_.close_all(log(), !is_upgrading());
    }
}

void Master::escalate() {
    if (kill_at_.count < 0 || monotonic_now() < kill_at_) return;
    kill_at_ = monotonic_now() + kKillAgain;
    children_.signal_all(SIGKILL, log());
}

void Master::reap() {
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid == 0 || (pid < 0 && errno == ECHILD)) return;
        if (pid < 0) {
            if (errno != EINTR) return log().alert(errno, "waitpid() failed");
            continue;
        }
        const std::optional<Child> child = children_.bury(pid, status, monotonic_now(), log());
        if (!child) continue;
        if (child->place.kind == ChildKind::new_binary) on_new_binary_gone();
        const bool is_fatal = WIFEXITED(status) && WEXITSTATUS(status) == kFatal;
        const bool is_hopeless = is_fatal || child->place.early_deaths + 1 >= kHopeless;
        has_failed_ |= is_hopeless && is_starting_ && child->place.generation == current_.number;
    }
}

/// The way back of a failed upgrade.
void Master::on_new_binary_gone() {
    // Its end may be seen before a HUP that came earlier, and that HUP is one on the way back.
    read_signals();
    new_binary_ = 0;
    move_pid_file(old_pid_path(settings().pid_path), settings().pid_path, log());
    if (is_leaving() || !std::exchange(is_draining_, false)) return;
    start_children();
}

std::string Master::pid_path() const {
    return is_upgrading() ? old_pid_path(settings().pid_path) : settings().pid_path;
}

void Master::reopen() {
    log().notice("reopening logs");
    const uid_t owner = ::geteuid() == 0 ? settings().user.uid : User::kNoUser;
    current_.generation->reopen_logs(owner);
    children_.signal_all(SIGUSR1, log());
}

void Master::drain() {
    is_draining_ = true;
    children_.vacancies().clear();
    children_.signal_all(SIGQUIT, log(), another_serves());
}

int Master::leave() {
    if (has_new_pid_file_) remove_pid_file(previous_.generation->settings().pid_path, log());
    remove_pid_file(pid_path(), log());
    log().notice("exit");
    sockets_.close_all(log(), !is_upgrading());
    sockets_.look_after(log());
    return 0;
}

}  // namespace sluice::proc
