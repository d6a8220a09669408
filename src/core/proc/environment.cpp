// What `env` keeps of the environment.
#include "core/proc/environment.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "core/log/clock.h"

namespace sluice::proc {

namespace {

void keep(std::vector<std::string>& kept, const std::string& entry) {
    if (entry.find('=') != std::string::npos) {
        kept.push_back(entry);
    } else if (const char* value = std::getenv(entry.c_str())) {
        kept.push_back(entry + "=" + value);
    }
}

bool is_time_zone(const std::string& entry) {
    return entry == "TZ" || entry.starts_with("TZ=");
}

}  // namespace

std::vector<std::string> kept_environment(const Settings& settings) {
    std::vector<std::string> kept;
    for (const std::string& entry : settings.environment) keep(kept, entry);
    if (std::none_of(settings.environment.begin(), settings.environment.end(), is_time_zone)) keep(kept, "TZ");
    return kept;
}

void apply_environment(const Settings& settings) {
    // Never freed: libraries that end after us (LD_PRELOAD) may ask for variables.
    static auto& strings = *new std::vector<std::string>;
    static auto& pointers = *new std::vector<char*>;
    strings = kept_environment(settings);
    pointers.clear();
    for (std::string& string : strings) pointers.push_back(string.data());
    pointers.push_back(nullptr);
    environ = pointers.data();
    log::Clock::apply_time_zone();
}

}  // namespace sluice::proc
