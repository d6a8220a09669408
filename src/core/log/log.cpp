// Log: completes a line (connection, errno, who describes the case) and hands it to the route in force.
#include "core/log/log.h"

#include <array>
#include <cstring>

#include <unistd.h>

namespace sluice {

namespace {

constexpr std::array<Text, 9> kLevelNames{"stderr", "emerg",  "alert", "crit", "error",
                                          "warn",   "notice", "info",  "debug"};

/// Before `error_log` is known a line goes to stderr, under the program's name as nginx has it.
void write_to_stderr(LogLevel level, Text line) {
    char room[Log::kLongestLine + 32];
    TextBuilder out(room);
    out.add("nginx: [", log_level_name(level), "] ", line, '\n');
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, out.text().data(), out.text().size());
}

}  // namespace

Text log_level_name(LogLevel level) {
    return kLevelNames[static_cast<size_t>(level)];
}

void Log::finish(LogLevel level, int number, TextBuilder& message) const {
    char room[kLongestLine];
    TextBuilder line(room);
    if (connection_ != 0) line.add('*', connection_, ' ');
    line.add(message.text());
    if (number != 0) {
        char description[128];
        line.add(" (", number, ": ", Text(::strerror_r(number, description, sizeof description)), ")");
    }
    if (context_ != nullptr) context_->describe(line);
    if (route_ != nullptr) {
        route_->emit(level, line.text());
    } else {
        write_to_stderr(level, line.text());
    }
}

}  // namespace sluice
