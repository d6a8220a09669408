// Listener: making sockets, and what happens when accepting fails.
#include "event/listener.h"

#include <cerrno>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "event/backend.h"
#include "event/loop.h"

namespace sluice::event {

namespace {

Error failed(Text call, const SocketAddress& address, int error) {
    char room[200];
    TextBuilder out(room);
    out.add(call, " ");
    address.write(out);
    out.add(" failed");
    return Error(out.text(), error);
}

void set_option(int fd, int level, int name, int value) {
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
}

void tune(int fd, const ListenOptions& options) {
    if (options.receive_buffer > 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
    if (options.send_buffer > 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
    if (options.keep_alive != ListenOptions::KeepAlive::unset)
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, options.keep_alive == ListenOptions::KeepAlive::on ? 1 : 0);
    if (options.keep_idle > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, options.keep_idle);
    if (options.keep_interval > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, options.keep_interval);
    if (options.keep_count > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keep_count);
    if (options.fast_open > 0) set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, options.fast_open);
    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, options.deferred ? 1 : 0);
    // Accepted sockets inherit it: no call per connection.
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

}  // namespace

Result<UniqueFd> open_listening_socket(const SocketAddress& address, const ListenOptions& options) {
    const int type = options.is_datagram ? SOCK_DGRAM : SOCK_STREAM;
    const int protocol = options.multipath ? 262 /* IPPROTO_MPTCP */ : 0;
    UniqueFd fd(::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    if (!fd) return failed("socket()", address, errno);
    if (!address.is_unix()) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.is_ipv6()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
    if (::bind(fd.get(), address.get(), address.length()) != 0) return failed("bind() to", address, errno);
    if (address.is_unix()) {
        // As nginx: anybody on the machine may connect; who may not is a matter of the folder.
        char path[sizeof(sockaddr_un::sun_path) + 1];
        TextBuilder out({path, sizeof(path) - 1});
        address.write(out);
        path[out.text().size()] = '\0';
        static_cast<void>(::chmod(path + 5, 0666));
    }
    if (options.is_datagram) return fd;
    if (Result<void> tuned = configure_listening_socket(fd.get(), options); !tuned) return tuned.error();
    return fd;
}

Result<void> configure_listening_socket(int fd, const ListenOptions& options) {
    tune(fd, options);
    if (!options.is_datagram && ::listen(fd, options.backlog) != 0) return Error(Text("listen() failed"), errno);
    return {};
}

Listener::Listener(Loop& loop, int fd, AcceptHandler& handler, void* endpoint, const Options& options)
    : loop_(loop),
      handler_(handler),
      endpoint_(endpoint),
      options_(options),
      retry_(Timer::call<&Listener::on_retry>, this),
      fd_(fd) {}

Listener::~Listener() {
    stop();
}

void Listener::start() {
    if (is_running_) return;
    is_running_ = true;
    loop_.backend().start(*this);
}

void Listener::stop() {
    retry_.disarm();
    if (!is_running_) return;
    is_running_ = false;
    loop_.backend().stop(*this);
}

void Listener::resume() {
    retry_.disarm();
    start();
}

void Listener::on_retry() {
    start();
}

void Listener::pause_for_room() {
    stop();
    retry_.arm(loop_, options_.retry_delay);
}

bool Listener::on_accept_failed(int error) {
    switch (error) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO: return true;
        case EMFILE:
        case ENFILE:
            loop_.log().write(LogLevel::crit, error, "accept4() failed");
            if (handler_.make_room()) return true;
            pause_for_room();
            return false;
        default: loop_.log().alert(error, "accept4() failed"); return false;
    }
}

void Listener::deliver(int fd, const SocketAddress& peer) {
    handler_.on_accepted({UniqueFd(fd), peer}, endpoint_);
}

}  // namespace sluice::event
