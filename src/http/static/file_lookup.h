// Looking a file up in the file system: what is there, and, for reading, a descriptor of it.
#pragma once

#include <utility>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "http/static/file_info.h"
#include "http/static/symlinks.h"

namespace sluice::http {

/// An open file that a cache and requests share.
class SharedFile {
 public:
    explicit SharedFile(UniqueFd fd, bool is_direct) : fd_(std::move(fd)), is_direct_(is_direct) {}
    int fd() const { return fd_.get(); }
    bool is_direct() const { return is_direct_; }

 private:
    friend class SharedFileRef;
    UniqueFd fd_;
    const bool is_direct_;
    uint32_t users_ = 0;
};

/// Keeps a SharedFile open.
class SharedFileRef {
 public:
    SharedFileRef() = default;
    explicit SharedFileRef(SharedFile& file) : file_(&file) { ++file.users_; }
    SharedFileRef(const SharedFileRef& other) : file_(other.file_) {
        if (file_ != nullptr) ++file_->users_;
    }
    SharedFileRef(SharedFileRef&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
    SharedFileRef& operator=(SharedFileRef other) noexcept {
        std::swap(file_, other.file_);
        return *this;
    }
    ~SharedFileRef() {
        if (file_ != nullptr && --file_->users_ == 0) delete file_;
    }
    explicit operator bool() const { return file_ != nullptr; }
    SharedFile* operator->() const { return file_; }

 private:
    SharedFile* file_ = nullptr;
};

/// What is asked. `path` is null-terminated behind its end.
struct FileQuery {
    Text path;
    LinkRules links = {};
    bool only_probes = false;         ///< whether it is there; it need not be opened
    const FileInfo* known = nullptr;  ///< of bytes that the asker has: it need not be opened if it is still the same
    int64_t direct_from = -1;  ///< `directio`: files of this size and more are read past the page cache; -1: none
    int64_t read_ahead = 0;    ///< `read_ahead`: larger files will be read from begin to end; 0: nothing is said
};

/// What became of it. On failure `error` is an errno and `failed_call` says which call, as nginx's log lines do.
struct OpenFile {
    FileInfo info;
    UniqueFd fd;             ///< only of a regular file that was opened, and not a shared one
    SharedFileRef shared;    ///< one that a cache has open
    bool is_direct = false;  ///< it has O_DIRECT
    int error = 0;
    Text failed_call;
    int direct_error = 0;  ///< errno of O_DIRECT that could not be had

    bool ok() const { return error == 0; }
    int descriptor() const { return shared ? shared->fd() : fd.get(); }
};

/// Asks the file system, as the query wants it.
OpenFile look_up(const FileQuery& query);
/// Opens a regular file for reading, whatever else the query says; of anything else it tells the kind.
OpenFile look_up_to_open(const FileQuery& query);
/// Tells what is there without opening it.
OpenFile look_up_to_probe(const FileQuery& query);

}  // namespace sluice::http
