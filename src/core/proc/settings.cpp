// The words behind the directives about processes.
#include "core/proc/settings.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace sluice::proc {

namespace {

/// "0101": a digit for each CPU, the last one is CPU 0. Blanks are passed over, as nginx does.
Result<cpu_set_t> parse_mask(Text word) {
    if (word.size() > CPU_SETSIZE)
        return Error("\"worker_cpu_affinity\" supports up to " + std::to_string(CPU_SETSIZE) + " CPUs only");
    cpu_set_t mask;
    CPU_ZERO(&mask);
    size_t cpu = 0;
    for (auto digit = word.rbegin(); digit != word.rend(); ++digit) {
        if (*digit == ' ') continue;
        if (*digit != '0' && *digit != '1')
            return Error("invalid character \"" + std::string(1, *digit) + "\" in \"worker_cpu_affinity\"");
        if (*digit == '1') CPU_SET(cpu, &mask);
        ++cpu;
    }
    return mask;
}

cpu_set_t available() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return set;
    const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
    for (long cpu = 0; cpu < std::max(1L, count) && cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &set);
    return set;
}

}  // namespace

unsigned available_cpus() {
    const cpu_set_t set = available();
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

Result<unsigned> parse_worker_processes(Text word) {
    if (word == "auto") return available_cpus();
    const std::optional<uint64_t> number = text::parse_uint(word);
    if (!number || *number > INT32_MAX) return Error("\"worker_processes\" directive invalid value");
    return static_cast<unsigned>(*number);
}

Result<Affinity> parse_affinity(std::span<const Text> words) {
    Affinity affinity;
    if (words[0] == "auto") {
        if (words.size() > 2) return Error("invalid number of arguments in \"worker_cpu_affinity\" directive");
        affinity.is_auto = true;
        words = words.subspan(1);
        if (words.empty()) affinity.masks.push_back(available());
    }
    for (Text word : words) {
        Result<cpu_set_t> mask = parse_mask(word);
        if (!mask) return mask.error();
        affinity.masks.push_back(*mask);
    }
    return affinity;
}

std::optional<cpu_set_t> Affinity::of_worker(unsigned index) const {
    if (masks.empty()) return std::nullopt;
    if (!is_auto) return masks[std::min<size_t>(index, masks.size() - 1)];
    const cpu_set_t& all = masks[0];
    const int count = CPU_COUNT(&all);
    if (count == 0) return std::nullopt;
    unsigned to_skip = index % static_cast<unsigned>(count);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &all) || to_skip-- != 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return one;
    }
    return std::nullopt;
}

Text Affinity::warning(unsigned workers) const {
    if (is_auto || masks.size() <= 1 || masks.size() == workers) return {};
    return "the number of \"worker_processes\" is not equal to the number of \"worker_cpu_affinity\" masks, using "
           "last mask for remaining worker processes";
}

Result<User> parse_user(Text name, Text group) {
    User user;
    user.name = name;
    errno = 0;
    const passwd* const found = ::getpwnam(user.name.c_str());
    if (found == nullptr) return Error("getpwnam(\"" + user.name + "\") failed", errno);
    user.uid = found->pw_uid;

    const std::string group_name(group);
    errno = 0;
    const ::group* const found_group = ::getgrnam(group_name.c_str());
    if (found_group == nullptr) return Error("getgrnam(\"" + group_name + "\") failed", errno);
    user.gid = found_group->gr_gid;
    return user;
}

Result<DebugPoints> parse_debug_points(Text word) {
    if (text::iequals(word, "stop")) return DebugPoints::stop;
    if (text::iequals(word, "abort")) return DebugPoints::abort;
    return Error("invalid value \"" + std::string(word) + "\"");
}

void debug_point(DebugPoints points) {
    switch (points) {
        case DebugPoints::none: return;
        case DebugPoints::stop: ::raise(SIGSTOP); return;
        case DebugPoints::abort: std::abort();
    }
}

}  // namespace sluice::proc
