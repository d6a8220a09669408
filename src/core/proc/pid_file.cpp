// Writing, moving and reading the pid file.
#include "core/proc/pid_file.h"

#include <cerrno>
#include <cstdio>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/unique_fd.h"

namespace sluice::proc {

Result<void> write_pid_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) {
        const int number = errno;
        return Error("open() \"" + path + "\" failed", number);
    }
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::pwrite(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) return {};
    const int number = errno;
    return Error("pwrite() \"" + path + "\" failed", number);
}

void remove_pid_file(const std::string& path, const Log& log) {
    if (::unlink(path.c_str()) != 0) log.alert(errno, "unlink() \"", path, "\" failed");
}

std::string old_pid_path(const std::string& path) {
    return path + ".oldbin";
}

bool move_pid_file(const std::string& from, const std::string& to, const Log& log) {
    if (std::rename(from.c_str(), to.c_str()) == 0) return true;
    log.alert(errno, "rename() ", from, " to ", to, " failed");
    return false;
}

Result<pid_t> read_pid_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        const int number = errno;
        return Error("open() \"" + path + "\" failed", number);
    }
    char room[32];
    const ssize_t size = ::read(fd.get(), room, sizeof room);
    if (size < 0) {
        const int number = errno;
        return Error("read() \"" + path + "\" failed", number);
    }
    Text text(room, static_cast<size_t>(size));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    const std::optional<uint64_t> number = text::parse_uint(text);
    if (!number || *number == 0 || *number > INT32_MAX)
        return Error("invalid PID number \"" + std::string(text) + "\" in \"" + path + "\"");
    return static_cast<pid_t>(*number);
}

}  // namespace sluice::proc
