// Log files: appending with nginx's behaviour on a full disk, and reopening.
#include "core/log/open_files.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/log/clock.h"

namespace sluice::log {

namespace {

constexpr int64_t kComplaintSeconds = 60;

size_t total_size(std::span<const iovec> pieces) {
    size_t size = 0;
    for (const iovec& piece : pieces) size += piece.iov_len;
    return size;
}

UniqueFd open_for_append(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

/// A root master's new file is given to the workers' user, who must be able to open it at the next USR1; so is a pipe
/// (/dev/stdout of a container). Devices belong to all: /dev/null stays root's.
void hand_over(const Log& log, const UniqueFd& fd, const std::string& path, uid_t owner) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        log.emerg(errno, "fstat() \"", path, "\" failed");
        return;
    }
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) return;
    if (status.st_uid != owner && ::fchown(fd.get(), owner, static_cast<gid_t>(-1)) != 0)
        log.emerg(errno, "chown(\"", path, "\", ", owner, ") failed");
    constexpr mode_t kNeeded = S_IRUSR | S_IWUSR;
    if ((status.st_mode & kNeeded) != kNeeded && ::fchmod(fd.get(), (status.st_mode & 07777U) | kNeeded) != 0)
        log.emerg(errno, "chmod() \"", path, "\" failed");
}

/// Of what is open. A terminal belongs to who sits there, and the workers' user may not open it; nobody rotates it
/// either.
bool is_device(const UniqueFd& fd) {
    struct stat status {};
    return ::fstat(fd.get(), &status) == 0 && S_ISCHR(status.st_mode);
}

}  // namespace

bool File::append(std::span<const iovec> pieces) {
    if (!fd_) return false;
    const int64_t second = Clock::unix_seconds();
    if (full_at_ == second) {
        errno = ENOSPC;
        return false;
    }
    ssize_t written = 0;
    do {
        written = ::writev(fd_.get(), pieces.data(), static_cast<int>(pieces.size()));
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        if (errno == ENOSPC) full_at_ = second;
        return false;
    }
    if (static_cast<size_t>(written) == total_size(pieces)) return true;
    errno = 0;
    return false;
}

bool File::append(std::span<const iovec> pieces, const Log& log) {
    if (append(pieces)) return true;
    const int number = errno;
    const int64_t second = Clock::unix_seconds();
    if (second - complained_at_ < kComplaintSeconds) return false;
    complained_at_ = second;
    if (number != 0) {
        log.alert(number, "write() to \"", path_, "\" failed");
    } else {
        log.alert(0, "write() to \"", path_, "\" was incomplete");
    }
    return false;
}

Result<void> File::open() {
    if (fd_) return {};
    fd_ = path_.empty() ? UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) : open_for_append(path_);
    if (fd_) return {};
    const int number = errno;
    return Error("open() \"" + path_ + "\" failed", number);
}

void File::reopen(const Log& log, uid_t owner) {
    for (Flusher& flusher : flushers_) flusher.flush();
    if (path_.empty()) return;
    UniqueFd fresh = open_for_append(path_);
    if (!fresh) {
        const int number = errno;
        if (number != EACCES || !is_device(fd_)) log.emerg(number, "open() \"", path_, "\" failed");
        return;
    }
    if (owner != OpenFiles::kKeepOwner) hand_over(log, fresh, path_, owner);
    fd_ = std::move(fresh);
}

File& OpenFiles::file(Text path) {
    for (const std::unique_ptr<File>& file : files_)
        if (file->path() == path) return *file;
    return *files_.emplace_back(std::make_unique<File>(path));
}

Result<void> OpenFiles::open() {
    for (const std::unique_ptr<File>& file : files_)
        if (Result<void> opened = file->open(); !opened) return opened;
    return {};
}

void OpenFiles::reopen(const Log& log, uid_t owner) {
    for (const std::unique_ptr<File>& file : files_) file->reopen(log, owner);
}

}  // namespace sluice::log
