// Log: where a line of the error log is begun. A Log is a small value that a connection or a request carries; it
// knows the targets in force (`error_log` of the context), the connection's number and who can say more about the
// case.
//   2026/01/31 12:00:00 [error] 71#71: *5 open() "/x" failed (2: No such file or directory), client: 127.0.0.1, …
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "core/base/text_builder.h"

namespace sluice {

/// nginx's levels, most severe first. `alert` means a defect of the server itself.
enum class LogLevel : uint8_t { stderr_only, emerg, alert, crit, error, warn, notice, info, debug };

/// The name as it stands between brackets and as `error_log` takes it.
Text log_level_name(LogLevel level);

/// Someone who can add to a line of a connection or a request: " while reading client request line, client: …".
class LogContext {
 public:
    virtual void describe(TextBuilder& line) const = 0;

 protected:
    ~LogContext() = default;
};

/// The targets of one `error_log` context: files, syslog, stderr, each with its level. Owned by the Cycle.
class LogRoute {
 public:
    /// The most verbose level that any target takes.
    LogLevel threshold() const { return threshold_; }
    /// Hands a complete line (no time stamp, no newline) to every target that wants `level`.
    virtual void emit(LogLevel level, Text line) const = 0;
    /// As emit(), to every target whatever its level: lines of a connection that `debug_connection` names.
    virtual void emit_to_all(LogLevel level, Text line) const { emit(level, line); }
    /// Lines up to this level reach stderr by one of the targets, and need no echo there.
    LogLevel stderr_threshold() const { return stderr_threshold_; }

 protected:
    ~LogRoute() = default;
    LogLevel threshold_ = LogLevel::error;
    LogLevel stderr_threshold_ = LogLevel::stderr_only;
};

class Log {
 public:
    /// Longest line in bytes; what is longer is cut, as nginx does.
    static constexpr size_t kLongestLine = 2048;

    /// A log without a route writes to stderr (start-up, before `error_log` is known).
    Log() = default;
    explicit Log(const LogRoute* route) : route_(route) {}

    bool wants(LogLevel level) const {
        return level <= (route_ != nullptr ? route_->threshold() : LogLevel::notice) || is_debugged_;
    }

    /// Writes one line, control bytes as `\x00`. `number` is an errno, appended as " (N: text)", or 0.
    template <class... Parts>
    void write(LogLevel level, int number, const Parts&... parts) const {
        if (!wants(level)) return;
        char room[kLongestLine];
        TextBuilder message(room);
        message.add(parts...);
        finish(level, number, message);
    }
    template <class... Parts>
    void alert(int number, const Parts&... parts) const {
        write(LogLevel::alert, number, parts...);
    }
    template <class... Parts>
    void error(int number, const Parts&... parts) const {
        write(LogLevel::error, number, parts...);
    }
    template <class... Parts>
    void info(const Parts&... parts) const {
        write(LogLevel::info, 0, parts...);
    }
    template <class... Parts>
    void emerg(int number, const Parts&... parts) const {
        write(LogLevel::emerg, number, parts...);
    }
    template <class... Parts>
    void warn(int number, const Parts&... parts) const {
        write(LogLevel::warn, number, parts...);
    }
    template <class... Parts>
    void notice(const Parts&... parts) const {
        write(LogLevel::notice, 0, parts...);
    }

    /// The connection's number as `*N`, 0 for none.
    uint64_t connection() const { return connection_; }
    void set_connection(uint64_t number) { connection_ = number; }
    /// Who describes the case; must outlive its use here.
    void set_context(const LogContext* context) { context_ = context; }
    void set_route(const LogRoute* route) { route_ = route; }
    /// `debug_connection`: every line of every level goes to all targets.
    void set_debugged(bool on) { is_debugged_ = on; }
    const LogRoute* route() const { return route_; }

 private:
    void finish(LogLevel level, int number, TextBuilder& message) const;

    const LogRoute* route_ = nullptr;
    const LogContext* context_ = nullptr;
    uint64_t connection_ = 0;
    bool is_debugged_ = false;
};

/// Lines of level `debug`; they cost one comparison, and nothing at all without `--with-debug`.
#if defined(SLUICE_DEBUG) && SLUICE_DEBUG
#define SLUICE_LOG_DEBUG(log, ...) (log).write(::sluice::LogLevel::debug, 0, __VA_ARGS__)
#else
// Still compiled, so that a line that is wrong is found in every build.
#define SLUICE_LOG_DEBUG(log, ...)                                         \
    do {                                                                   \
        if (false) (log).write(::sluice::LogLevel::debug, 0, __VA_ARGS__); \
    } while (false)
#endif

}  // namespace sluice
