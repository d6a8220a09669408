// The master's other half: starting workers, changing generations, starting a new binary.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include "core/log/error_log.h"
#include "core/proc/child.h"
#include "core/proc/daemon.h"
#include "core/proc/master.h"
#include "core/proc/pid_file.h"
#include "core/proc/rehearsal.h"
#include "core/proc/upgrade.h"

namespace sluice::proc {

namespace {

using namespace literals;

constexpr Msec kForkAgain = 1_s;

}  // namespace

// --- starting children ---

/// Fills all places of the current generation that are empty.
void Master::start_children() {
    log().notice("start worker processes");
    for (uint32_t i = 0; i < settings().worker_processes; ++i) {
        Place place;
        place.index = i;
        place.generation = current_.number;
        place.name = "worker process";
        start_place(place);
    }
    const std::span<const HelperProcess> helpers = current_.generation->helpers();
    for (uint32_t i = 0; i < helpers.size(); ++i) {
        Place place;
        place.kind = ChildKind::helper;
        place.index = i;
        place.generation = current_.number;
        place.name = helpers[i].name;
        place.is_replaced = helpers[i].is_replaced;
        start_place(place);
    }
}

void Master::start_place(const Place& place) {
    if (children_.has(place)) return;
    if (!fork_child(place)) children_.vacancies().push_back({place, monotonic_now() + kForkAgain});
}

void Master::fill_vacancies() {
    if (is_leaving() || is_draining_) return;
    const Msec now = monotonic_now();
    std::vector<Vacancy>& all = children_.vacancies();
    std::vector<Vacancy> due;
    for (const Vacancy& vacancy : all)
        if (vacancy.due <= now) due.push_back(vacancy);
    std::erase_if(all, [=](const Vacancy& vacancy) { return vacancy.due <= now; });
    for (Vacancy& vacancy : due) {
        // While the next generation starts, a place of the previous one may be wanted again: if it is taken back.
        const bool is_current = vacancy.place.generation == current_.number;
        if (is_current) {
            start_place(vacancy.place);
        } else if (previous_.generation != nullptr) {
            all.push_back({vacancy.place, started_ + kStarting});
        }
    }
}

bool Master::fork_child(const Place& place) {
    const pid_t master = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        log().alert(errno, "fork() failed while spawning \"", place.name, "\"");
        return false;
    }
    if (pid > 0) {
        log().notice("start ", place.name, " ", pid);
        children_.add({pid, place, monotonic_now(), false, false});
        return true;
    }
    signals_.close();
    ready_.reset();
    for (const Running* running : {&current_, &previous_})
        if (running->generation != nullptr) drop_zone_descriptors(*running->generation);
    Worker::Origin origin;
    origin.index = place.kind == ChildKind::worker ? place.index : Worker::kHelper;
    origin.master = master;
    origin.is_daemon = is_daemon_;
    if (place.kind == ChildKind::worker) origin.ready_fd = ready_writing_.release();
    ready_writing_.reset();
    origin.sockets = &sockets_;
    Generation& generation = *current_.generation;
    run_child(generation, place.kind == ChildKind::helper ? &generation.helpers()[place.index] : nullptr, origin);
}

// --- changing generations ---

/// The way back: workers of the configuration that is loaded, for the binary that is loaded.
void Master::revive() {
    is_draining_ = false;
    start_children();
}

void Master::reload() {
    log().notice("reconfiguring");
    if (!fits_in_memory(loader_, *current_.generation, log())) return;
    sockets_.begin();
    Result<std::unique_ptr<Generation>> loaded = loader_.load(sockets_, current_.generation.get());
    if (!loaded) {
        if (!loaded.error().text.empty()) log().emerg(loaded.error().number, loaded.error().text);
        sockets_.roll_back(log());
        return;
    }
    previous_ = std::move(current_);
    current_ = {std::move(*loaded), previous_.number + 1};
    has_failed_ = false;
    is_starting_ = true;
    started_ = monotonic_now();
    if (!take_pid_path(previous_.generation->settings().pid_path)) return roll_back();
    start_children();
}

/// Another pid file in the new configuration: it is written now, and the old one removed when all is well.
bool Master::take_pid_path(const std::string& previous) {
    if (settings().pid_path == previous) return true;
    Result<void> written = write_pid_file(settings().pid_path);
    if (!written) previous_.generation->log().emerg(written.error().number, written.error().text);
    has_new_pid_file_ = written.ok();
    return has_new_pid_file_;
}

/// Ends the starting phase when every new worker is ready, or hope is lost for those that are not.
void Master::finish_starting() {
    if (!is_starting_ || is_leaving()) return;
    size_t ready = 0;
    size_t pending = 0;
    for (const Child& child : children_.living()) {
        if (child.place.kind != ChildKind::worker || child.place.generation != current_.number) continue;
        ++(child.is_ready ? ready : pending);
    }
    for (const Vacancy& vacancy : children_.vacancies())
        pending += vacancy.place.kind == ChildKind::worker && vacancy.place.generation == current_.number ? 1U : 0U;

    const bool is_hopeless = has_failed_ && ready == 0;
    if (pending != 0 && !is_hopeless && monotonic_now() < started_ + kStarting) return;
    if (ready == 0 && settings().worker_processes != 0 && is_renewing_) {
        keep_old_workers();
    } else if (ready == 0 && settings().worker_processes != 0 && previous_.generation != nullptr) {
        previous_.generation->log().emerg(
            0, "no worker of the new configuration could be started, the old configuration stays in force");
        roll_back();
    } else {
        commit();
    }
}

void Master::commit() {
    is_starting_ = false;
    renew_at_ = {-1};
    renew_pause_ = kRenewAgain;
    if (std::exchange(is_renewing_, false)) return children_.signal_generation(current_.number, true, SIGQUIT, log());
    if (previous_.generation == nullptr) return;
    is_draining_ = false;
    if (std::exchange(has_new_pid_file_, false)) remove_pid_file(previous_.generation->settings().pid_path, log());
    if (Result<void> redirected = redirect_stderr(current_.generation->error_log()); !redirected)
        log().alert(redirected.error().number, redirected.error().text);
    children_.drop_vacancies_of(previous_.number);
    children_.signal_generation(current_.number, true, SIGQUIT, log());
    sockets_.commit(log());
    previous_ = {};
}

void Master::roll_back() {
    is_starting_ = false;
    Running failed = std::move(current_);
    current_ = std::move(previous_);
    previous_ = {};
    children_.drop_vacancies_of(failed.number);
    children_.signal_generation(failed.number, false, SIGTERM, log());
    if (std::exchange(has_new_pid_file_, false)) remove_pid_file(failed.generation->settings().pid_path, log());
    sockets_.roll_back(log());
    // The number is not used again: the failed workers may take a while to leave.
    for (Child& child : children_.living())
        if (child.place.generation == current_.number) child.place.generation = failed.number + 1;
    for (Vacancy& vacancy : children_.vacancies()) {
        vacancy.place.generation = failed.number + 1;
        vacancy.due = monotonic_now();
    }
    current_.number = failed.number + 1;
}

// --- files that change while a generation runs ---

/// With a new binary beside, it is that one's turn.
bool Master::may_look() const {
    return current_.generation->is_watching() && !is_starting_ && !is_leaving() && !is_draining_ && !is_upgrading();
}

void Master::look() {
    const Msec now = monotonic_now();
    if (!may_look() || now < look_at_) return;
    look_at_ = now + kLookEvery;
    const bool is_due = renew_at_.count >= 0 && renew_at_ <= now;
    if (current_.generation->look() || is_due) renew_workers();
}

/// Workers get what the generation has taken up by being forked from here: they may not be able to read it.
void Master::renew_workers() {
    children_.drop_vacancies_of(current_.number);
    ++current_.number;
    has_failed_ = false;
    is_starting_ = true;
    is_renewing_ = true;
    started_ = monotonic_now();
    start_children();
}

void Master::keep_old_workers() {
    is_starting_ = false;
    is_renewing_ = false;
    renew_at_ = monotonic_now() + renew_pause_;
    renew_pause_ = std::min(Msec{2 * renew_pause_.count}, kRenewLatest);
    log().emerg(0, "no new worker could be started, the old ones go on");
    children_.drop_vacancies_of(current_.number);
    children_.signal_generation(current_.number, false, SIGTERM, log());
    // The number is not used again: the failed workers may take a while to leave.
    for (Child& child : children_.living())
        if (child.place.generation + 1 == current_.number) child.place.generation = current_.number + 1;
    ++current_.number;
    start_children();
}

// --- a new binary ---

void Master::upgrade() {
    log().notice("changing binary");
    const std::string& path = settings().pid_path;
    if (!move_pid_file(path, old_pid_path(path), log())) return;
    const pid_t pid = start_new_binary(sockets_, *current_.generation);
    if (pid < 0) {
        move_pid_file(old_pid_path(path), path, log());
        return;
    }
    new_binary_ = pid;
    Place place;
    place.kind = ChildKind::new_binary;
    place.name = "new binary process";
    place.is_replaced = false;
    children_.add({pid, place, monotonic_now(), false, false});
}

}  // namespace sluice::proc
