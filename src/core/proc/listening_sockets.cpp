// Listening sockets by address: inheriting, claiming, closing.
#include "core/proc/listening_sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::proc {

namespace {

constexpr const char* kVariable = "NGINX";

/// The path of a unix socket; an abstract name begins with a zero byte.
Text unix_path(const sockaddr* address, socklen_t length) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(address);
    constexpr size_t kOffset = offsetof(sockaddr_un, sun_path);
    Text path(local->sun_path, length > kOffset ? length - kOffset : 0);
    return path.starts_with('\0') ? path : path.substr(0, path.find('\0'));
}

bool is_same_address(const sockaddr* a, socklen_t a_length, const sockaddr* b, socklen_t b_length) {
    if (a->sa_family != b->sa_family) return false;
    switch (a->sa_family) {
        case AF_INET: {
            const auto* one = reinterpret_cast<const sockaddr_in*>(a);
            const auto* two = reinterpret_cast<const sockaddr_in*>(b);
            return one->sin_port == two->sin_port && one->sin_addr.s_addr == two->sin_addr.s_addr;
        }
        case AF_INET6: {
            const auto* one = reinterpret_cast<const sockaddr_in6*>(a);
            const auto* two = reinterpret_cast<const sockaddr_in6*>(b);
            return one->sin6_port == two->sin6_port && one->sin6_scope_id == two->sin6_scope_id &&
                   std::memcmp(&one->sin6_addr, &two->sin6_addr, sizeof one->sin6_addr) == 0;
        }
        case AF_UNIX: return unix_path(a, a_length) == unix_path(b, b_length);
        default: return false;
    }
}

/// The file of a unix socket; empty where there is none.
std::string file_of(const sockaddr* address, socklen_t length) {
    if (address->sa_family != AF_UNIX) return {};
    const Text path = unix_path(address, length);
    return path.starts_with('\0') ? std::string() : std::string(path);
}

void remove_file(const std::string& path, const Log& log) {
    if (!path.empty() && ::unlink(path.c_str()) != 0 && errno != ENOENT)
        log.emerg(errno, "unlink() \"", path, "\" failed");
}

}  // namespace

bool ListeningSockets::inherit(const Log& log) {
    const char* variable = std::getenv(kVariable);
    if (variable == nullptr) return false;
    const std::string value(variable);
    ::unsetenv(kVariable);
    predecessor_ = ::getppid();
    log.notice("using inherited sockets from \"", value, "\"");

    const DescriptorList list = DescriptorList::parse(value);
    for (const int fd : list.numbers) take_over(fd, log);
    if (!list.rubbish.empty())
        log.emerg(0, "invalid socket number \"", list.rubbish, "\" in ", kVariable,
                  " environment variable, ignoring the rest of the variable");
    return true;
}

bool ListeningSockets::take_over(int fd, const Log& log) {
    const auto is_known = [fd](const Socket& socket) { return socket.fd.get() == fd; };
    if (std::any_of(sockets_.begin(), sockets_.end(), is_known)) return false;
    Socket socket;
    socket.length = sizeof socket.address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&socket.address), &socket.length) != 0) {
        log.emerg(errno, "getsockname() of the inherited socket #", fd, " failed");
        return false;
    }
    socklen_t size = sizeof socket.type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &socket.type, &size) != 0) {
        log.emerg(errno, "getsockopt(SO_TYPE) of the inherited socket #", fd, " failed");
        return false;
    }
    socket.fd.reset(fd);
    socket.is_shared = true;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    sockets_.push_back(std::move(socket));
    return true;
}

int ListeningSockets::claim(const sockaddr* address, socklen_t length, int type) {
    for (Socket& socket : sockets_) {
        if (socket.is_claimed || socket.type != type) continue;
        const auto* own = reinterpret_cast<const sockaddr*>(&socket.address);
        if (!is_same_address(own, socket.length, address, length)) continue;
        socket.is_claimed = true;
        return socket.fd.get();
    }
    return -1;
}

int ListeningSockets::add(const sockaddr* address, socklen_t length, int type, UniqueFd fd) {
    Socket socket;
    socket.fd = std::move(fd);
    std::memcpy(&socket.address, address, std::min<size_t>(length, sizeof socket.address));
    socket.length = length;
    socket.type = type;
    socket.is_claimed = true;
    socket.is_new = true;
    return sockets_.emplace_back(std::move(socket)).fd.get();
}

void ListeningSockets::free_name(const sockaddr* address, socklen_t length, const Log& log) {
    const std::string path = file_of(address, length);
    for (const Leftover& leftover : leftovers_)
        if (leftover.path == path && leftover.is_there()) remove_file(path, log);
}

void ListeningSockets::begin() {
    for (Socket& socket : sockets_) socket.is_claimed = socket.is_new = false;
}

void ListeningSockets::commit(const Log& log) {
    for (const Socket& socket : sockets_)
        if (!socket.is_claimed) let_go(socket, log);
    drop_unclaimed();
    for (Socket& socket : sockets_) socket.is_new = false;
}

void ListeningSockets::roll_back(const Log& log) {
    for (const Socket& socket : sockets_)
        if (socket.is_new) let_go(socket, log);
    std::erase_if(sockets_, [](const Socket& socket) { return socket.is_new; });
    for (Socket& socket : sockets_) socket.is_claimed = true;
}

void ListeningSockets::close_all(const Log& log, bool removes_files) {
    for (const Socket& socket : sockets_)
        if (removes_files) let_go(socket, log);
    sockets_.clear();
}

void ListeningSockets::drop_unclaimed() {
    std::erase_if(sockets_, [](const Socket& socket) { return !socket.is_claimed; });
}

bool ListeningSockets::predecessor_lives() const {
    return predecessor_ != 0 && ::getppid() == predecessor_;
}

void ListeningSockets::look_after(const Log& log) {
    if (predecessor_ == 0 || predecessor_lives()) return;
    predecessor_ = 0;
    for (Socket& socket : sockets_) socket.is_shared = false;
    for (const Leftover& leftover : leftovers_)
        if (leftover.is_there()) remove_file(leftover.path, log);
    leftovers_.clear();
}

void ListeningSockets::let_go(const Socket& socket, const Log& log) {
    const std::string path = file_of(reinterpret_cast<const sockaddr*>(&socket.address), socket.length);
    if (!socket.is_shared) return remove_file(path, log);
    struct stat info {};
    if (!path.empty() && ::stat(path.c_str(), &info) == 0) leftovers_.push_back({path, info.st_dev, info.st_ino});
}

bool ListeningSockets::Leftover::is_there() const {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

DescriptorList ListeningSockets::descriptors() const {
    DescriptorList all;
    for (const Socket& socket : sockets_) all.numbers.push_back(socket.fd.get());
    return all;
}

}  // namespace sluice::proc
