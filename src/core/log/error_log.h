// ErrorLog: the targets of one `error_log` context, each with its level, and how a directive becomes a target.
//   error_log logs/error.log warn;   error_log stderr;   error_log syslog:server=unix:/dev/log;
//   error_log memory:32m debug;   error_log logs/error.json info json;
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/log/log.h"

namespace sluice::log {

class File;
class OpenFiles;

/// Takes lines. `time` and `line` are the two parts that nginx separates by a blank; no newline. Without a time, the
/// line is all.
class Target {
 public:
    virtual ~Target() = default;
    virtual void write(LogLevel level, Text time, Text line) = 0;
};

class ErrorLog final : public LogRoute {
 public:
    ErrorLog() { threshold_ = LogLevel::stderr_only; }

    /// Adds a target for lines of `level` and more severe ones.
    void add(std::unique_ptr<Target> target, LogLevel level);
    /// Adds a file of an OpenFiles, which must live longer.
    void add(File& file, LogLevel level);
    void add_stderr(LogLevel level);
    /// Lines of the target that was added last are JSON from now on.
    void show_last_as_json();
    bool is_empty() const { return entries_.empty(); }

    void emit(LogLevel level, Text line) const override;
    void emit_to_all(LogLevel level, Text line) const override;

    /// The first target that is a file, or null: where a daemon's stderr goes.
    const File* first_file() const { return first_file_; }
    /// True when a target is stderr itself, which then stays as it is.
    bool uses_stderr() const { return uses_stderr_; }

 private:
    struct Entry {
        std::unique_ptr<Target> target;
        LogLevel level;
    };
    std::vector<Entry> entries_;
    const File* first_file_ = nullptr;
    bool uses_stderr_ = false;
};

/// What a target is made from.
struct TargetPlaces {
    OpenFiles& files;
    Text prefix;  ///< base of relative paths, with trailing slash
};

/// Adds the target that the words behind `error_log` describe. Errors are nginx's (`invalid log level "x"`);
/// `at_fault` receives the index of the word that is wrong. Files are opened later, by OpenFiles::open().
Result<void> add_target(ErrorLog& log, std::span<const Text> words, const TargetPlaces& places,
                        size_t* at_fault = nullptr);

}  // namespace sluice::log
