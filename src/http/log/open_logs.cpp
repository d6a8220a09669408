// The cache of open_log_file_cache.
#include "http/log/open_logs.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace sluice::http::log {

OpenLogs::~OpenLogs() = default;

UniqueFd OpenLogs::open_for_append(const char* path) {
    return UniqueFd(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644));
}

void OpenLogs::drop(Entry& entry) {
    entries_.erase(Text(entry.path));
}

/// As in nginx: what was not used for a while goes, whenever somebody comes by.
void OpenLogs::expire(Msec now) {
    while (!by_use_.empty() && by_use_.front().used_at + settings_.inactive < now) drop(by_use_.front());
}

OpenLogs::Entry& OpenLogs::entry_of(Text path) {
    const auto found = entries_.find(path);
    if (found != entries_.end()) return *found->second;
    while (entries_.size() >= settings_.max) drop(by_use_.front());
    auto made = std::make_unique<Entry>();
    made->path = path;
    Entry& entry = *made;
    entries_.emplace(Text(entry.path), std::move(made));
    return entry;
}

bool OpenLogs::is_same_file(const Entry& entry) {
    struct stat there {};
    return ::stat(entry.path.c_str(), &there) == 0 && there.st_dev == entry.device && there.st_ino == entry.inode;
}

void OpenLogs::remember_file(Entry& entry) {
    struct stat there {};
    if (::fstat(entry.fd.get(), &there) != 0) return;
    entry.device = there.st_dev;
    entry.inode = there.st_ino;
}

int OpenLogs::open(const char* path, Msec now) {
    expire(now);
    Entry& entry = entry_of(path);
    by_use_.push_back(entry);
    entry.used_at = now;
    ++entry.uses;
    if (entry.fd && entry.checked_at + settings_.valid <= now) {
        if (!is_same_file(entry)) entry.fd.reset();
        entry.checked_at = now;
    }
    if (entry.fd) return entry.fd.get();
    UniqueFd opened = open_for_append(path);
    if (!opened || entry.uses < settings_.min_uses) {
        uncached_ = std::move(opened);
        return uncached_.get();
    }
    entry.fd = std::move(opened);
    entry.checked_at = now;
    remember_file(entry);
    return entry.fd.get();
}

}  // namespace sluice::http::log
