// Listener: what both backends share: when to accept, and what to do when descriptors have run out.
#include "event/listener.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/backend.h"
#include "event/loop.h"

namespace sluice::event {

namespace {

/// The kernel may take a moment until it has forgotten a process that died (io_uring's requests end after it), and
/// go on waking it: a listener looks this long after it began to accept, ten times that, and so on.
constexpr Msec kFirstLook{10};
constexpr Msec kLastLook{1000};
/// For a worker that died, that many may have been kept.
constexpr unsigned kTakenByALook = 16;

/// Errors of the connection that was taken from the queue, which is gone (accept(2)); the next one may be fine.
bool is_of_one_connection(int error) {
    switch (error) {
        case ECONNABORTED:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
        case EPROTO:
        case ENOPROTOOPT: return true;
        default: return false;
    }
}

}  // namespace

Listener::Listener(Loop& loop, int fd, AcceptHandler& handler, void* endpoint, const Options& options)
    : loop_(loop),
      handler_(handler),
      endpoint_(endpoint),
      options_(options),
      retry_(Timer::call<&Listener::on_retry>, this),
      look_(Timer::call<&Listener::on_look>, this),
      fd_(fd),
      has_turn_(!options.takes_turns) {}

Listener::~Listener() {
    stop();
    loop_.backend().forget(*this);
}

void Listener::start() {
    if (is_running_) return;
    is_running_ = true;
    is_held_back_ = false;
    settle(false);
}

void Listener::stop() {
    const bool was_accepting = is_accepting();
    is_running_ = is_held_back_ = false;
    retry_.disarm();
    settle(was_accepting);
}

void Listener::resume() {
    if (!is_running_ || !is_held_back_) return;
    const bool was_accepting = is_accepting();
    retry_.disarm();
    is_held_back_ = false;
    settle(was_accepting);
}

void Listener::set_turn(bool is_ours) {
    const bool was_accepting = is_accepting();
    has_turn_ = is_ours;
    settle(was_accepting);
}

void Listener::settle(bool was_accepting) {
    if (is_accepting() == was_accepting) return;
    if (was_accepting) {
        look_.disarm();
        loop_.backend().stop(*this);
    } else {
        loop_.backend().start(*this);
        look_after_ = kFirstLook;
        look_.arm(loop_, look_after_);
    }
}

void Listener::on_retry() {
    resume();
}

void Listener::on_look() {
    for (unsigned left = kTakenByALook; left > 0 && is_accepting() && handler_.room() != 0; --left)
        if (!take_one()) break;
    look_after_.count *= 10;
    if (is_accepting() && look_after_ <= kLastLook) look_.arm(loop_, look_after_);
}

bool Listener::take_one() {
    SocketAddress peer;
    socklen_t length = SocketAddress::capacity();
    const int fd = ::accept4(fd_, peer.get(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        on_accept_failed(errno);
        return false;
    }
    peer.set_length(length);
    deliver(fd, peer);
    return true;
}

void Listener::hold_back() {
    if (!is_running_ || is_held_back_) return;
    const bool was_accepting = is_accepting();
    is_held_back_ = true;
    settle(was_accepting);
}

bool Listener::may_accept() {
    if (!is_accepting()) return false;
    if (handler_.room() != 0 || handler_.make_room()) return is_accepting();
    hold_back();
    return false;
}

bool Listener::may_take_all(bool goes_on) const {
    constexpr size_t kMuchRoom = 512;
    constexpr size_t kStillRoom = 256;
    return !options_.is_exclusive && handler_.room() >= (goes_on ? kStillRoom : kMuchRoom);
}

void Listener::on_accept_failed(int error) {
    if (error == EAGAIN || error == EINTR || error == ECANCELED || !is_running_) return;
    if (is_of_one_connection(error)) {
        loop_.log().write(LogLevel::error, error, "accept4() failed");
        return;
    }
    const bool is_out_of_descriptors = error == EMFILE || error == ENFILE;
    complain(is_out_of_descriptors ? LogLevel::crit : LogLevel::alert, error, "accept4() failed");
    // The connection still waits, and trying again at once would fail again.
    if (!is_out_of_descriptors || !handler_.make_room()) pause();
}

void Listener::on_start_failed(int error) {
    complain(LogLevel::alert, error, "epoll_ctl() failed");
    pause();
}

/// Where connections that make room let one in after the other, it would be said for each.
void Listener::complain(LogLevel level, int error, Text what) {
    const int64_t second = loop_.wall_msec() / 1000;
    if (!std::exchange(complained_, true) && std::exchange(complained_at_, second) != second)
        loop_.log().write(level, error, what);
}

void Listener::pause() {
    if (!is_running_) return;
    hold_back();
    retry_.arm(loop_, options_.retry_delay);
}

void Listener::deliver(int fd, const SocketAddress& peer) {
    complained_ = false;
    handler_.on_accepted({UniqueFd(fd), peer}, endpoint_);
}

void Listener::deliver(int fd) {
    SocketAddress peer;
    socklen_t length = SocketAddress::capacity();
    if (::getpeername(fd, peer.get(), &length) != 0) {
        loop_.log().write(LogLevel::info, errno, "getpeername() failed");
        ::close(fd);
        return;
    }
    peer.set_length(length);
    deliver(fd, peer);
}

}  // namespace sluice::event
