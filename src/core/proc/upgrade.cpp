// Executing a new binary: all that it needs is made before the fork, and the child only fixes descriptors and
// executes.
#include "core/proc/upgrade.h"

#include <cerrno>
#include <string>
#include <vector>

#include <unistd.h>

#include "core/proc/environment.h"
#include "core/proc/signals.h"
#include "core/proc/title.h"
#include "core/shm/inherited_zones.h"
#include "core/shm/zones.h"

namespace sluice::proc {

namespace {

/// Room for a process title beyond the arguments: a daemon's environment may be nearly empty.
constexpr size_t kSpare = 300;

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (std::string& string : strings) pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

pid_t start_new_binary(const ListeningSockets& sockets, Generation& generation) {
    const Log& log = generation.log();
    const shm::Zones* const zones = generation.zones();
    const DescriptorList shared = zones != nullptr ? zones->descriptors() : DescriptorList{};
    std::vector<std::string> variables = kept_environment(generation.settings());
    variables.push_back("NGINX=" + sockets.descriptors().text());
    if (!shared.numbers.empty()) variables.push_back(shm::InheritedZones::kVariable + ("=" + shared.text()));
    variables.push_back("SPARE=" + std::string(kSpare, 'X'));
    std::vector<std::string> words = arguments();
    const std::vector<char*> environment = pointers_to(variables);
    const std::vector<char*> argv = pointers_to(words);

    const pid_t child = ::fork();
    if (child < 0) {
        log.alert(errno, "fork() failed while spawning \"new binary process\"");
        return -1;
    }
    if (child > 0) {
        log.notice("start new binary process ", child);
        return child;
    }
    sockets.descriptors().keep_on_exec();
    shared.keep_on_exec();
    Signals::unblock();
    ::execve(program_path().c_str(), argv.data(), environment.data());
    log.alert(errno, "execve() failed while executing new binary process \"", program_path(), "\"");
    ::_exit(1);
}

void drop_zone_descriptors(Generation& generation) {
    if (shm::Zones* const zones = generation.zones(); zones != nullptr) zones->drop_descriptors();
}

}  // namespace sluice::proc
