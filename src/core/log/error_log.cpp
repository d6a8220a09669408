// The targets of an error_log: files, stderr, syslog, memory; and the directive's words.
#include "core/log/error_log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <unistd.h>

#include "core/log/clock.h"
#include "core/log/json_line.h"
#include "core/log/open_files.h"
#include "core/log/process.h"
#include "core/log/syslog.h"

namespace sluice::log {

namespace {

iovec piece(Text text) {
    return {const_cast<char*>(text.data()), text.size()};
}

/// Between the time and the line; a line in JSON has its time within.
Text gap(Text time) {
    return time.empty() ? "" : " ";
}

class FileTarget final : public Target {
 public:
    explicit FileTarget(File& file) : file_(file) {}
    void write(LogLevel, Text time, Text line) override {
        const std::array<iovec, 4> pieces{piece(time), piece(gap(time)), piece(line), piece("\n")};
        file_.append(pieces);
    }

 private:
    File& file_;
};

class StderrTarget final : public Target {
 public:
    void write(LogLevel, Text time, Text line) override {
        const std::array<iovec, 4> pieces{piece(time), piece(gap(time)), piece(line), piece("\n")};
        [[maybe_unused]] const ssize_t written = ::writev(STDERR_FILENO, pieces.data(), pieces.size());
    }
};

class SyslogTarget final : public Target {
 public:
    SyslogTarget(std::unique_ptr<Syslog> syslog, const ErrorLog& log) : syslog_(std::move(syslog)), log_(&log) {}
    void write(LogLevel level, Text time, Text line) override {
        char room[kLongestJsonLine];
        TextBuilder whole(room);
        whole.add(time, gap(time), line);
        syslog_->send(level, whole.text(), log_);
    }

 private:
    std::unique_ptr<Syslog> syslog_;
    Log log_;
};

#if defined(SLUICE_DEBUG) && SLUICE_DEBUG
/// A ring that a debugger can read: the newest lines, in the order they wrap.
class MemoryTarget final : public Target {
 public:
    explicit MemoryTarget(size_t size) : size_(size), ring_(static_cast<char*>(std::calloc(size, 1))) {
        if (ring_ == nullptr) std::abort();
    }
    ~MemoryTarget() override { std::free(ring_); }
    MemoryTarget(const MemoryTarget&) = delete;
    void write(LogLevel, Text time, Text line) override {
        put(time);
        put(gap(time));
        put(line);
        put("\n");
    }

 private:
    void put(Text text) {
        while (!text.empty()) {
            const size_t fits = std::min(text.size(), size_ - at_);
            std::memcpy(ring_ + at_, text.data(), fits);
            at_ = (at_ + fits) % size_;
            text.remove_prefix(fits);
        }
    }
    size_t size_;
    char* ring_;  ///< zeroed by the system, which gives memory for what is written
    size_t at_ = 0;
};
#endif

/// The levels that the directive takes; the kinds of debug lines that nginx can choose among are all `debug` here.
std::optional<LogLevel> level_of(Text word) {
    for (auto level = LogLevel::emerg; level <= LogLevel::debug;
         level = static_cast<LogLevel>(static_cast<uint8_t>(level) + 1))
        if (word == log_level_name(level)) return level;
    constexpr std::array<Text, 7> kDebugKinds{"debug_core", "debug_alloc", "debug_mutex", "debug_event",
                                              "debug_http", "debug_mail",  "debug_stream"};
    if (std::find(kDebugKinds.begin(), kDebugKinds.end(), word) != kDebugKinds.end()) return LogLevel::debug;
    return std::nullopt;
}

Result<LogLevel> parse_levels(std::span<const Text> words, size_t& at_fault) {
    std::optional<LogLevel> chosen;
    for (size_t i = 1; i < words.size(); ++i) {
        const std::optional<LogLevel> level = level_of(words[i]);
        at_fault = i;
        if (!level) return Error("invalid log level \"" + std::string(words[i]) + "\"");
        const bool is_kind = words[i].starts_with("debug_");
        if (chosen && is_kind && !words[i - 1].starts_with("debug_"))  // kinds go together, but not with a level
            return Error("invalid log level \"" + std::string(words[i]) + "\"");
        if (chosen && !is_kind) return Error("duplicate log level \"" + std::string(words[i]) + "\"");
        chosen = level;
    }
    return chosen.value_or(LogLevel::error);
}

Result<std::unique_ptr<Target>> make_memory_target(Text size) {
#if defined(SLUICE_DEBUG) && SLUICE_DEBUG
    Text digits = size;
    int64_t unit = 1;
    if (!digits.empty() && text::to_lower(digits.back()) == 'k') unit = 1024;
    if (!digits.empty() && text::to_lower(digits.back()) == 'm') unit = int64_t{1024} * 1024;
    if (unit != 1) digits.remove_suffix(1);
    const std::optional<uint64_t> count = text::parse_uint(digits);
    constexpr uint64_t kMost = uint64_t{1} << 30U;
    const bool fits = count && *count <= kMost / static_cast<uint64_t>(unit);
    // As in nginx, the longest line must have room, with its time.
    constexpr uint64_t kLeast = Log::kLongestLine + 64;
    if (!fits || *count * static_cast<uint64_t>(unit) <= kLeast)
        return Error("invalid buffer size \"" + std::string(size) + "\"");
    return std::unique_ptr<Target>(std::make_unique<MemoryTarget>(*count * static_cast<uint64_t>(unit)));
#else
    static_cast<void>(size);
    return Error("sluice was built without debug support");
#endif
}

/// Shows its target each line as a JSON object.
class JsonTarget final : public Target {
 public:
    explicit JsonTarget(std::unique_ptr<Target> target) : target_(std::move(target)) {}
    void write(LogLevel level, Text, Text line) override {
        char room[kLongestJsonLine];
        LineParts whole{.process = process_id(), .thread = process_id(), .message = line};
        const LineParts* const parts = LineParts::current();
        target_->write(level, {}, write_json_line(room, level, parts != nullptr ? *parts : whole));
    }

 private:
    std::unique_ptr<Target> target_;
};

/// Adds what the first word names.
Result<void> add_named(ErrorLog& log, Text name, LogLevel level, const TargetPlaces& places) {
    constexpr Text kSyslog = "syslog:";
    constexpr Text kMemory = "memory:";
    if (name == "stderr" || name.empty()) {
        log.add_stderr(level);
    } else if (name.starts_with(kSyslog)) {
        Result<std::unique_ptr<Syslog>> syslog = Syslog::parse(name.substr(kSyslog.size()));
        if (!syslog) return syslog.error();
        log.add(std::make_unique<SyslogTarget>(std::move(*syslog), log), level);
    } else if (name.starts_with(kMemory)) {
        Result<std::unique_ptr<Target>> memory = make_memory_target(name.substr(kMemory.size()));
        if (!memory) return memory.error();
        log.add(std::move(*memory), level);
    } else {
        const std::string path = name.starts_with('/') ? std::string(name) : std::string(places.prefix).append(name);
        log.add(places.files.file(path), level);
    }
    return {};
}

}  // namespace

void ErrorLog::add(std::unique_ptr<Target> target, LogLevel level) {
    entries_.push_back({std::move(target), level});
    threshold_ = std::max(threshold_, level);
}

void ErrorLog::add(File& file, LogLevel level) {
    if (first_file_ == nullptr) first_file_ = &file;
    add(std::make_unique<FileTarget>(file), level);
}

void ErrorLog::add_stderr(LogLevel level) {
    uses_stderr_ = true;
    stderr_threshold_ = std::max(stderr_threshold_, level);
    add(std::make_unique<StderrTarget>(), level);
}

void ErrorLog::show_last_as_json() {
    std::unique_ptr<Target>& last = entries_.back().target;
    last = std::make_unique<JsonTarget>(std::move(last));
}

void ErrorLog::emit(LogLevel level, Text line) const {
    const Text time = Clock::error_log_time();
    for (const Entry& entry : entries_)
        if (level <= entry.level) entry.target->write(level, time, line);
}

void ErrorLog::emit_to_all(LogLevel level, Text line) const {
    const Text time = Clock::error_log_time();
    for (const Entry& entry : entries_) entry.target->write(level, time, line);
}

Result<void> add_target(ErrorLog& log, std::span<const Text> words, const TargetPlaces& places, size_t* at_fault) {
    size_t fault = 0;
    const bool is_json = words.size() > 1 && words.back() == "json";
    if (is_json) words = words.first(words.size() - 1);
    const Result<LogLevel> level = parse_levels(words, fault);
    if (level) fault = 0;
    Result<void> added = level ? add_named(log, words[0], *level, places) : Result<void>(level.error());
    if (added && is_json) log.show_last_as_json();
    if (at_fault != nullptr) *at_fault = fault;
    return added;
}

}  // namespace sluice::log
