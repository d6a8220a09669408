// Connection: the calls that are the same for every backend.
#include "event/connection.h"

#include <cerrno>

#include <netinet/in.h>
#include <sys/socket.h>

#include "event/backend.h"
#include "event/loop.h"
#include "event/transport.h"

namespace sluice::event {

Connection::~Connection() {
    if (is_open()) close();
}

void Connection::open(UniqueFd fd) {
    fd_ = fd.release();
    loop_.backend().open(*this);
}

namespace {

void set_option(int fd, int level, int name, int value) {
    // Options that tune are not worth failing for.
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
}

}  // namespace

Result<void> Connection::connect(const SocketAddress& peer, const ConnectOptions& options) {
    UniqueFd fd(::socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Error(Text("socket() failed"), errno);
    if (options.keepalive) set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    if (options.receive_buffer > 0) set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
    if (options.send_buffer > 0) set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, options.send_buffer);
    if (options.is_transparent) set_option(fd.get(), SOL_IP, IP_TRANSPARENT, 1);
    if (options.bind_to != nullptr) {
        if (options.bind_to->port() == 0) set_option(fd.get(), SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (::bind(fd.get(), options.bind_to->get(), options.bind_to->length()) != 0)
            return Error(Text("bind() failed"), errno);
    }
    if (!peer.is_unix()) set_option(fd.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
    fd_ = fd.release();
    bytes_sent_ = bytes_received_ = 0;
    peer_closed_ = closed_told_ = is_readable_ = false;
    is_connecting_ = true;
    loop_.backend().connect(*this, peer);
    return {};
}

void Connection::pause() {
    if (is_paused_) return;
    is_paused_ = true;
    loop_.backend().pause(*this);
}

void Connection::resume() {
    if (!is_paused_) return;
    is_paused_ = false;
    if (is_open()) loop_.backend().resume(*this);
}

SendState Connection::send(Chain& chain) {
    if (!is_open()) return SendState::failed;
    if (transport_ != nullptr) return transport_->send(*this, chain);
    out_.splice(chain);
    return loop_.backend().send(*this);
}

SendState Transport::send_raw(Connection& connection, Chain& wire) {
    connection.out_.splice(wire);
    return connection.loop_.backend().send(connection);
}

void Connection::shutdown_write() {
    if (is_open()) loop_.backend().shutdown_write(*this);
}

void Connection::close() {
    if (!is_open()) return;
    if (transport_ != nullptr) transport_->on_close(*this);
    out_.clear();
    loop_.backend().close(*this);
}

void Connection::abort() {
    if (!is_open()) return;
    const linger now{.l_onoff = 1, .l_linger = 0};
    static_cast<void>(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
    out_.clear();
    loop_.backend().close(*this);
}

}  // namespace sluice::event
