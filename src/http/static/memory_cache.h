// MemoryCache: small files that were served lately, held in memory by a worker. Whoever serves one asks the file
// system (or the open file cache) first whether it is still the same file: a changed one is never served.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "core/base/text.h"
#include "http/static/file_info.h"
#include "http/static/path_table.h"

namespace sluice::http {

/// A file's bytes. It lives as long as it is in the cache or somebody holds a reference.
class CachedFile : public PathEntry {
 public:
    Text body() const { return {bytes_.get(), static_cast<size_t>(info_.size)}; }
    const FileInfo& info() const { return info_; }
    /// Its strong entity tag, quotes included.
    Text etag() const { return etag_; }

    /// event::Loop::arrivals() when the file was last found to be the same.
    uint64_t checked_at = 0;

 private:
    friend class MemoryCache;
    friend class CachedFileRef;

    std::unique_ptr<char[]> bytes_;  ///< the body, then the path
    FileInfo info_;
    Text etag_;
    std::array<char, 48> etag_room_{};
    uint32_t users_ = 0;  ///< references, and the cache itself
};

/// Keeps a CachedFile; give it to the arena of the request that sends the bytes.
class CachedFileRef {
 public:
    explicit CachedFileRef(CachedFile& file) : file_(&file) { ++file.users_; }
    CachedFileRef(CachedFileRef&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
    CachedFileRef& operator=(CachedFileRef&&) = delete;
    ~CachedFileRef();
    CachedFile& operator*() const { return *file_; }
    CachedFile* operator->() const { return file_; }

 private:
    CachedFile* file_;
};

class MemoryCache {
 public:
    /// Larger files are sent from the page cache: memory has no advantage from here on.
    static constexpr int64_t kLargestFile = 32 * 1024;
    /// All that the files of a worker may take.
    static constexpr int64_t kMostBytes = 16 * 1024 * 1024;
    /// A file that changed so shortly before it was read may change again without a trace in its times, which some
    /// file systems count in whole seconds.
    static constexpr int64_t kSettledNsec = 2'000'000'000;

    explicit MemoryCache(int64_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}
    MemoryCache(const MemoryCache&) = delete;
    ~MemoryCache();

    /// The file that was kept under a path, or null; it may have changed meanwhile.
    CachedFile* find(Text path, uint64_t hash) const { return files_.find(path, hash); }
    /// Notes that it is served.
    void touch(CachedFile& file) { files_.touch(file); }
    /// Takes it out: it is not the same any more.
    void drop(CachedFile& file);

    /// Reads a regular file of at most kLargestFile bytes, which `fd` is and `info` was true of before this call, and
    /// keeps it under `path` if it has settled by `wall_nsec`. One that is shorter by now has the size that was read.
    /// Nothing, with errno, when reading fails; EAGAIN where it would have to wait for the disk and must not.
    std::optional<CachedFileRef> read(Text path, int fd, const FileInfo& info, int64_t wall_nsec,
                                      bool may_wait = true);

    int64_t bytes() const { return bytes_; }
    size_t size() const { return files_.size(); }

 private:
    static int64_t cost_of(const CachedFile& file);
    void keep(CachedFile& file);

    PathTable<CachedFile> files_;
    const int64_t most_bytes_;
    int64_t bytes_ = 0;
};

/// The worker's own.
MemoryCache& memory_cache();

/// Writes nginx's entity tag of a file, `"MTIME-SIZE"` in hexadecimal, into `room`.
Text write_etag(std::span<char> room, const FileInfo& info);

}  // namespace sluice::http
