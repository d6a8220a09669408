// RecentFiles: what a worker served lately. Small files are held in memory, larger ones are kept open for a moment.
// Whoever serves one asks the file system (or the open file cache) first whether it is still the same file: a changed
// one is never served.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "core/base/list.h"
#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "event/timer.h"
#include "http/static/file_info.h"
#include "http/static/path_table.h"

namespace sluice::http {

struct OpenTag;

/// A file's bytes, or a descriptor of it. It lives as long as it is in the cache or somebody holds a reference.
class RecentFile : public PathEntry, public ListNode<OpenTag> {
 public:
    /// The bytes; only where it is not open.
    Text body() const { return {bytes_.get(), static_cast<size_t>(info_.size)}; }
    bool is_open() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }
    const FileInfo& info() const { return info_; }
    /// Its strong entity tag, quotes included.
    Text etag() const { return etag_; }

    /// event::Loop::arrivals() when the file was last found to be the same.
    uint64_t checked_at = 0;

 private:
    friend class RecentFiles;
    friend class RecentFileRef;

    std::unique_ptr<char[]> bytes_;  ///< the body unless it is open, then the path
    UniqueFd fd_;
    bool was_used_ = true;  ///< since the last look at those that are open
    FileInfo info_;
    Text etag_;
    std::array<char, 48> etag_room_{};
    uint32_t users_ = 0;  ///< references, and the cache itself
};

/// Keeps a RecentFile; give it to the arena of the request that sends the bytes.
class RecentFileRef {
 public:
    explicit RecentFileRef(RecentFile& file) : file_(&file) { ++file.users_; }
    RecentFileRef(RecentFileRef&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
    RecentFileRef& operator=(RecentFileRef&&) = delete;
    ~RecentFileRef();
    RecentFile& operator*() const { return *file_; }
    RecentFile* operator->() const { return file_; }

 private:
    RecentFile* file_;
};

class RecentFiles {
 public:
    /// Larger files are sent from the page cache: memory has no advantage from here on.
    static constexpr int64_t kLargestFile = 32 * 1024;
    /// All that the files of a worker may take.
    static constexpr int64_t kMostBytes = 16 * 1024 * 1024;
    /// A file that changed so shortly before it was read may change again without a trace in its times, which some
    /// file systems count in whole seconds.
    static constexpr int64_t kSettledNsec = 2'000'000'000;

    /// Files that a worker keeps open.
    static constexpr size_t kMostOpen = 32;
    /// One that nobody asked for between two looks is closed: a deleted file does not hold its space for long, nor
    /// its file system.
    static constexpr Msec kBetweenLooks{1000};

    explicit RecentFiles(int64_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}
    RecentFiles(const RecentFiles&) = delete;
    ~RecentFiles();

    /// From now on those that are open are looked at from the loop, until stop(), which closes them.
    void start(event::Loop& loop);
    void stop();

    /// The file that was kept under a path, or null; it may have changed meanwhile.
    RecentFile* find(Text path, uint64_t hash) const { return files_.find(path, hash); }
    /// Notes that it is served.
    void touch(RecentFile& file) {
        files_.touch(file);
        if (file.is_open()) open_.push_back(file);
        file.was_used_ = true;
    }
    /// Takes it out: it is not the same any more.
    void drop(RecentFile& file);

    /// Reads a regular file of at most kLargestFile bytes, which `fd` is and `info` was true of before this call, and
    /// keeps it under `path` if it has settled by `wall_nsec`. One that is shorter by now has the size that was read.
    /// Nothing, with errno, when reading fails; EAGAIN where it would have to wait for the disk and must not.
    std::optional<RecentFileRef> read(Text path, int fd, const FileInfo& info, int64_t wall_nsec,
                                      bool may_wait = true);

    /// Keeps a regular file open under `path`; `info` was true of it when it was opened.
    RecentFileRef keep_open(Text path, UniqueFd fd, const FileInfo& info);
    /// Closes those that nobody asked for since the last call.
    void close_unused();
    /// Closes all; false when none was open.
    bool close_open();

    int64_t bytes() const { return bytes_; }
    size_t size() const { return files_.size(); }
    size_t open_count() const { return open_count_; }

 private:
    static RecentFile* make(Text path, size_t size, const FileInfo& info);
    static int64_t cost_of(const RecentFile& file);
    void keep(RecentFile& file);
    void look();

    PathTable<RecentFile> files_;
    List<RecentFile, OpenTag> open_;  ///< in the order of their last use
    const int64_t most_bytes_;
    int64_t bytes_ = 0;
    size_t open_count_ = 0;
    event::Loop* loop_ = nullptr;
    std::optional<event::Timer> timer_;
};

/// The worker's own.
RecentFiles& recent_files();

/// Writes nginx's entity tag of a file, `"MTIME-SIZE"` in hexadecimal, into `room`.
Text write_etag(std::span<char> room, const FileInfo& info);

}  // namespace sluice::http
