// OpenFiles: the log files of a generation by path, error and access logs alike: one descriptor for each path, all
// reopened together on USR1.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>
#include <sys/uio.h>

#include "core/base/list.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::log {

/// Someone who holds back lines of a file (`access_log … buffer=`). Writes them when asked: before a reopen.
class Flusher : public ListNode<Flusher> {
 public:
    virtual void flush() = 0;

 protected:
    ~Flusher() = default;
};

/// A log file, opened for appending, mode 0644. Appends are whole: lines of several processes never mix.
class File {
 public:
    explicit File(Text path) : path_(path) {}

    const std::string& path() const { return path_; }
    /// -1 before OpenFiles::open().
    int fd() const { return fd_.get(); }

    /// Appends the pieces in one call. Never fails loudly: after ENOSPC nothing is written for the rest of that
    /// second (writing to a full disk is slow on some systems), and false is returned.
    bool append(std::span<const iovec> pieces);
    /// As append(), for access logs: a failure is told to `log` as `write() to "path" failed`, at most once a minute.
    bool append(std::span<const iovec> pieces, const Log& log);

    void add_flusher(Flusher& flusher) { flushers_.push_back(flusher); }

 private:
    friend class OpenFiles;
    Result<void> open();
    void reopen(const Log& log, uid_t owner);

    std::string path_;
    UniqueFd fd_;
    int64_t full_at_ = 0;        ///< second of the last ENOSPC
    int64_t complained_at_ = 0;  ///< second of the last complaint
    List<Flusher, Flusher> flushers_;
};

class OpenFiles {
 public:
    static constexpr uid_t kKeepOwner = static_cast<uid_t>(-1);

    OpenFiles() = default;
    OpenFiles(const OpenFiles&) = delete;

    /// The file of this absolute path; known from now on, opened by open(). Lives as long as the registry.
    File& file(Text path);
    /// Opens whatever is not open yet. The error is nginx's `open() "path" failed (2: …)`; what could be opened
    /// stays.
    Result<void> open();
    /// Opens every path anew and lets go of the old files; one that can't be opened is told to `log` and keeps its
    /// old file. `owner`: whom a root master gives the files to, so that workers can reopen them; kKeepOwner for
    /// nobody.
    void reopen(const Log& log, uid_t owner);

 private:
    std::vector<std::unique_ptr<File>> files_;
};

}  // namespace sluice::log
