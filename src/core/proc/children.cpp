// Signalling children and burying them.
#include "core/proc/children.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <sys/wait.h>

#include "core/proc/child.h"

namespace sluice::proc {

namespace {

using namespace literals;

/// A process that lives shorter than this died early.
constexpr Msec kEarly = 1_s;
constexpr Msec kFirstDelay = 100_ms;
constexpr Msec kLongestDelay = 10_s;

/// The first death is answered at once: it may be a single accident.
Msec delay_after(unsigned early_deaths) {
    if (early_deaths <= 1) return {};
    const unsigned doublings = std::min(early_deaths - 2, 10U);
    return std::min(Msec{kFirstDelay.count << doublings}, kLongestDelay);
}

void log_end(const Child& child, int status, const Log& log) {
    const std::string& name = child.place.name;
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        log.alert(0, name, " ", child.pid, " exited on signal ", number, WCOREDUMP(status) ? " (core dumped)" : "");
    } else {
        log.notice(name, " ", child.pid, " exited with code ", WEXITSTATUS(status));
    }
}

}  // namespace

Msec monotonic_now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return {time.tv_sec * 1000 + time.tv_nsec / 1'000'000};
}

Child* Children::find(pid_t pid) {
    const auto found =
        std::find_if(living_.begin(), living_.end(), [pid](const Child& child) { return child.pid == pid; });
    return found != living_.end() ? &*found : nullptr;
}

void Children::send(Child& child, int number, const Log& log, bool is_relieved) {
    const bool is_farewell = number == SIGQUIT || number == SIGTERM || number == SIGKILL;
    if (child.is_leaving && number == SIGQUIT) return;
    if (is_farewell) child.is_leaving = true;
    sigval value{};
    value.sival_int = is_relieved ? kRelieved : 0;
    if (::sigqueue(child.pid, number, value) != 0) log.alert(errno, "kill(", child.pid, ", ", number, ") failed");
}

void Children::signal_all(int number, const Log& log, bool is_relieved) {
    for (Child& child : living_)
        if (child.place.kind != ChildKind::new_binary) send(child, number, log, is_relieved);
}

void Children::signal_generation(uint64_t generation, bool is_other, int number, const Log& log) {
    for (Child& child : living_) {
        if (child.place.kind == ChildKind::new_binary) continue;
        if ((child.place.generation == generation) != is_other) send(child, number, log, is_other);
    }
}

bool Children::are_gone() const {
    return std::all_of(living_.begin(), living_.end(),
                       [](const Child& child) { return child.place.kind == ChildKind::new_binary; });
}

bool Children::has(const Place& place) const {
    const auto is_same = [&](const Place& other) {
        return other.kind == place.kind && other.index == place.index && other.generation == place.generation;
    };
    return std::any_of(living_.begin(), living_.end(),
                       [&](const Child& child) { return !child.is_leaving && is_same(child.place); }) ||
           std::any_of(vacancies_.begin(), vacancies_.end(),
                       [&](const Vacancy& vacancy) { return is_same(vacancy.place); });
}

std::optional<Child> Children::bury(pid_t pid, int status, Msec now, const Log& log) {
    const Child* found = find(pid);
    if (found == nullptr) return std::nullopt;
    const Child child = *found;
    living_.erase(living_.begin() + (found - living_.data()));
    log_end(child, status, log);
    Place place = child.place;
    if (child.is_leaving || !place.is_replaced) return child;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kFatal) {
        log.alert(0, place.name, " ", pid, " exited with fatal code ", kFatal, " and cannot be respawned");
        return child;
    }
    place.early_deaths = now - child.started < kEarly ? place.early_deaths + 1 : 0;
    const Msec delay = delay_after(place.early_deaths);
    if (delay.count != 0)
        log.warn(0, place.name, " died ", place.early_deaths, " times in a row right after its start, next start in ",
                 delay.count, " ms");
    vacancies_.push_back({place, now + delay});
    return child;
}

void Children::drop_vacancies_of(uint64_t generation) {
    std::erase_if(vacancies_, [=](const Vacancy& vacancy) { return vacancy.place.generation == generation; });
}

}  // namespace sluice::proc
