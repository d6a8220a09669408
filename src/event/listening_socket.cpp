// Listening sockets: made, bound and set as `listen` says.
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/listener.h"

namespace sluice::event {

namespace {

Error failed(Text call, const SocketAddress& address, int number) {
    char room[sizeof(sockaddr_un) + 64];
    TextBuilder text(room);
    text.add(call, " ");
    address.write(text);
    text.add(" failed");
    return {Error(text.text(), number)};
}

/// Sets options one after the other and remembers the first that failed.
class Options {
 public:
    explicit Options(int fd) : fd_(fd) {}
    Options& set(bool is_wanted, int level, int name, int value, const char* text) {
        if (is_wanted && error_ == 0 && ::setsockopt(fd_, level, name, &value, sizeof value) != 0) {
            error_ = errno;
            text_ = text;
        }
        return *this;
    }
    int error() const { return error_; }
    const char* text() const { return text_; }

 private:
    int fd_;
    int error_ = 0;
    const char* text_ = "";
};

sa_family_t family_of(int fd) {
    SocketAddress address;
    socklen_t length = SocketAddress::capacity();
    return ::getsockname(fd, address.get(), &length) == 0 ? address.family() : sa_family_t{AF_UNSPEC};
}

/// What must be set before the socket is bound.
Options set_before_bind(int fd, const SocketAddress& address, const ListenOptions& wanted) {
    Options options(fd);
    options.set(!address.is_unix(), SOL_SOCKET, SO_REUSEADDR, 1, "setsockopt(SO_REUSEADDR)")
        .set(wanted.reuse_port, SOL_SOCKET, SO_REUSEPORT, 1, "setsockopt(SO_REUSEPORT)")
        .set(address.is_ipv6(), IPPROTO_IPV6, IPV6_V6ONLY, wanted.ipv6_only ? 1 : 0, "setsockopt(IPV6_V6ONLY)");
    return options;
}

void set_keepalive(Options& options, const ListenOptions& wanted) {
    using KeepAlive = ListenOptions::KeepAlive;
    options
        .set(wanted.keep_alive != KeepAlive::unset, SOL_SOCKET, SO_KEEPALIVE, wanted.keep_alive == KeepAlive::on,
             "setsockopt(SO_KEEPALIVE)")
        .set(wanted.keep_idle != 0, IPPROTO_TCP, TCP_KEEPIDLE, wanted.keep_idle, "setsockopt(TCP_KEEPIDLE)")
        .set(wanted.keep_interval != 0, IPPROTO_TCP, TCP_KEEPINTVL, wanted.keep_interval, "setsockopt(TCP_KEEPINTVL)")
        .set(wanted.keep_count != 0, IPPROTO_TCP, TCP_KEEPCNT, wanted.keep_count, "setsockopt(TCP_KEEPCNT)");
}

int type_of(const ListenOptions& options) {
    return (options.is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
}

/// The file of a unix socket; null: the address has none.
const char* file_of(const SocketAddress& address) {
    if (!address.is_unix()) return nullptr;
    const char* const path = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
    return path[0] != '\0' ? path : nullptr;
}

/// What follows once the socket has its name.
Result<void> finish(int fd, const SocketAddress& address, const ListenOptions& options) {
    // Whoever may enter the folder may connect, as with nginx.
    const char* const file = file_of(address);
    if (file != nullptr && ::chmod(file, 0666) != 0) return failed("chmod()", address, errno);
    return configure_listening_socket(fd, options);
}

}  // namespace

Result<UniqueFd> open_listening_socket(const SocketAddress& address, const ListenOptions& options) {
    const int protocol = options.multipath && !address.is_unix() ? IPPROTO_MPTCP : 0;
    UniqueFd fd(::socket(address.family(), type_of(options), protocol));
    if (!fd) return failed("socket()", address, errno);
    const Options set = set_before_bind(fd.get(), address, options);
    if (set.error() != 0) return failed(set.text(), address, set.error());
    if (::bind(fd.get(), address.get(), address.length()) != 0) return failed("bind() to", address, errno);
    const Result<void> finished = finish(fd.get(), address, options);
    if (finished) return fd;
    // A file that stays would be in the way of the next try.
    if (const char* const file = file_of(address); file != nullptr) ::unlink(file);
    return finished.error();
}

Result<void> configure_listening_socket(int fd, const ListenOptions& wanted) {
    const sa_family_t family = family_of(fd);
    const bool is_tcp = !wanted.is_datagram && (family == AF_INET || family == AF_INET6);
    Options options(fd);
    options.set(wanted.receive_buffer > 0, SOL_SOCKET, SO_RCVBUF, wanted.receive_buffer, "setsockopt(SO_RCVBUF)")
        .set(wanted.send_buffer > 0, SOL_SOCKET, SO_SNDBUF, wanted.send_buffer, "setsockopt(SO_SNDBUF)");
    if (is_tcp) {
        // A socket that was claimed may have been alone before.
        options.set(wanted.reuse_port, SOL_SOCKET, SO_REUSEPORT, 1, "setsockopt(SO_REUSEPORT)");
        // Accepted sockets inherit it: one call for all of them.
        options.set(true, IPPROTO_TCP, TCP_NODELAY, 1, "setsockopt(TCP_NODELAY)")
            .set(wanted.fast_open >= 0, IPPROTO_TCP, TCP_FASTOPEN, wanted.fast_open, "setsockopt(TCP_FASTOPEN)")
            .set(true, IPPROTO_TCP, TCP_DEFER_ACCEPT, wanted.deferred ? 1 : 0, "setsockopt(TCP_DEFER_ACCEPT)");
        set_keepalive(options, wanted);
    }
    SocketAddress address;
    socklen_t length = SocketAddress::capacity();
    if (::getsockname(fd, address.get(), &length) == 0) address.set_length(length);
    if (options.error() != 0) return failed(options.text(), address, options.error());
    if (!wanted.is_datagram && ::listen(fd, wanted.backlog) != 0) return failed("listen() to", address, errno);
    return {};
}

}  // namespace sluice::event
