// Listener: what both backends share: when to accept, and what to do when descriptors have run out.
#include "event/listener.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "event/backend.h"
#include "event/loop.h"

namespace sluice::event {

Listener::Listener(Loop& loop, int fd, AcceptHandler& handler, void* endpoint, const Options& options)
    : loop_(loop),
      handler_(handler),
      endpoint_(endpoint),
      options_(options),
      retry_(Timer::call<&Listener::on_retry>, this),
      fd_(fd) {}

Listener::~Listener() {
    stop();
    loop_.backend().forget(*this);
}

void Listener::start() {
    if (is_running_) return;
    is_running_ = true;
    is_held_back_ = false;
    loop_.backend().start(*this);
}

void Listener::stop() {
    if (!is_running_) return;
    is_running_ = false;
    retry_.disarm();
    if (!is_held_back_) loop_.backend().stop(*this);
    is_held_back_ = false;
}

void Listener::resume() {
    if (!is_running_ || !is_held_back_) return;
    retry_.disarm();
    is_held_back_ = false;
    loop_.backend().start(*this);
}

void Listener::on_retry() {
    resume();
}

void Listener::hold_back() {
    if (!is_running_ || is_held_back_) return;
    is_held_back_ = true;
    loop_.backend().stop(*this);
}

bool Listener::may_accept() {
    if (!is_accepting()) return false;
    if (handler_.has_room() || handler_.make_room()) return is_accepting();
    hold_back();
    return false;
}

void Listener::on_accept_failed(int error) {
    if (error == EAGAIN || error == EINTR || error == ECANCELED || !is_running_) return;
    if (error != EMFILE && error != ENFILE) {
        loop_.log().write(error == ECONNABORTED ? LogLevel::error : LogLevel::alert, error, "accept4() failed");
        return;
    }
    if (!complained_) loop_.log().write(LogLevel::crit, error, "accept4() failed");
    complained_ = true;
    if (handler_.make_room() || !is_running_) return;
    hold_back();
    retry_.arm(loop_, options_.retry_delay);
}

void Listener::deliver(int fd, const SocketAddress& peer) {
    complained_ = false;
    handler_.on_accepted({UniqueFd(fd), peer}, endpoint_);
}

}  // namespace sluice::event
