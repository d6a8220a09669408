// The layout of a line of the error log, nginx's to the byte:
//   2026/01/31 12:00:00 [error] PID#TID: *CONNECTION message (ERRNO: text), client: …
#include "core/log/log.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <pthread.h>
#include <unistd.h>

#include "core/log/clock.h"
#include "core/log/line_parts.h"
#include "core/log/process.h"

namespace sluice {

namespace {

constexpr std::array<Text, 9> kLevelNames{"", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"};
constexpr size_t kTimeSize = sizeof("2026/01/31 12:00:00 ") - 1;

constinit Text program = "sluice";
constinit bool echoes = true;
constinit thread_local int thread_number = 0;
constinit thread_local int thread_process = 0;

/// The thread's number. The main thread's is the process's own, which saves a system call after each fork.
int thread_id(int process) {
    if (thread_process != process) {
        thread_process = process;
        thread_number = ::gettid();
    }
    return thread_number;
}

/// "open() failed (2: No such file or directory)". A message that is too long makes room for the reason.
void add_message(TextBuilder& line, Text message, int number) {
    if (number == 0) {
        line.add(message);
        return;
    }
    constexpr size_t kReasonRoom = 49;  // nginx's, the line's end apart
    if (line.room() < message.size() + kReasonRoom) {
        line.add(message.substr(0, line.room() - kReasonRoom), "...");
    } else {
        line.add(message);
    }
    char room[128];
    line.add(" (", number, ": ", Text(::strerror_r(number, room, sizeof room)), ")");
}

/// Not zero where one of the bytes is below 0x20, or 0x7f.
uint64_t find_control(uint64_t eight) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    const uint64_t is_delete = eight ^ (kOnes * 0x7f);  // a zero byte where it is one
    return (((eight - kOnes * 0x20) & ~eight) | ((is_delete - kOnes) & ~is_delete)) & (kOnes * 0x80);
}

/// Eight bytes at a time, since nearly no line has one.
bool has_control(Text text) {
    uint64_t eight = 0;
    uint64_t found = 0;
    for (; text.size() >= sizeof eight; text.remove_prefix(sizeof eight)) {
        std::memcpy(&eight, text.data(), sizeof eight);
        found |= find_control(eight);
    }
    std::memset(&eight, ' ', sizeof eight);
    if (!text.empty()) std::memcpy(&eight, text.data(), text.size());
    return (found | find_control(eight)) != 0;
}

/// "a\0" becomes "a\x00", written as the access log writes it.
Text escape_controls(Text line, std::span<char> room) {
    TextBuilder out(room);
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            constexpr Text kDigits = "0123456789ABCDEF";
            out.add("\\x", kDigits[byte >> 4U], kDigits[byte & 15U]);
        } else {
            out.add(c);
        }
    }
    return out.text();
}

void write_to_stderr(Text line) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// "sluice: [emerg] message"; level stderr_only has no bracket.
void echo(LogLevel level, Text message) {
    char room[Log::kLongestLine + 64];
    TextBuilder line(std::span<char>(room, sizeof room - 1));
    line.add(program, ": ");
    if (level != LogLevel::stderr_only) line.add('[', log_level_name(level), "] ");
    line.add(message);
    const size_t size = line.text().size();
    room[size] = '\n';
    write_to_stderr({room, size + 1});
}

bool wants_echo(const LogRoute* route, LogLevel level) {
    if (route == nullptr || level == LogLevel::stderr_only) return true;
    return echoes && level <= LogLevel::warn && level > route->stderr_threshold();
}

}  // namespace

Text log_level_name(LogLevel level) {
    return kLevelNames[static_cast<size_t>(level)];
}

void Log::finish(LogLevel level, int number, TextBuilder& message) const {
    // The message proper stands behind the prefix, so that the whole is one piece and the echo can leave the prefix
    // out.
    char room[kLongestLine - kTimeSize - 1];
    TextBuilder line(room);
    const int process = log::process_id();
    log::LineParts parts{.process = process, .thread = thread_id(process), .connection = connection_};
    const log::PartsScope scope(parts);
    line.add('[', log_level_name(level), "] ", process, '#', parts.thread, ": ");
    if (connection_ != 0) line.add('*', connection_, ' ');
    const size_t prefix = line.text().size();
    add_message(line, message.text(), number);
    if (context_ != nullptr && level != LogLevel::debug) context_->describe(line);
    parts.message = line.text().substr(0, parts.message_end).substr(prefix);

    // Whatever a peer sent shall neither end a line nor steer a terminal. What we say of a configuration at `emerg`
    // has lines of its own, and nothing of a peer.
    char escaped[sizeof room];
    Text text = line.text();
    if (level != LogLevel::emerg && has_control(text)) text = escape_controls(text, escaped);

    const int saved = errno;
    if (route_ != nullptr && level != LogLevel::stderr_only) {
        if (is_debugged_) {
            route_->emit_to_all(level, text);
        } else {
            route_->emit(level, text);
        }
    }
    if (wants_echo(route_, level)) echo(level, text.substr(prefix));
    errno = saved;
}

namespace log {

void set_program_name(Text name) {
    program = name;
}

Text program_name() {
    return program;
}

void set_echo_to_stderr(bool on) {
    echoes = on;
}

int process_id() {
    // glibc does not cache it, and a system call for each line is dear; a child forgets its parent's.
    static constinit int cached = 0;
    static const bool is_watching = [] {
        ::pthread_atfork(nullptr, nullptr, [] { cached = 0; });
        return true;
    }();
    static_cast<void>(is_watching);
    if (cached == 0) cached = ::getpid();
    return cached;
}

}  // namespace log
}  // namespace sluice
