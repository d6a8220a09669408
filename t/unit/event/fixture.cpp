// Peers, recorders and the turning of the loop.
#include "event/fixture.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <iterator>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::event {

size_t Peer::write(Text bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t size = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size <= 0) break;
        done += static_cast<size_t>(size);
    }
    return done;
}

void Peer::read(size_t most) {
    char room[65536];
    while (most > 0 && !saw_end_) {
        const ssize_t size = ::recv(fd_.get(), room, std::min(most, sizeof room), MSG_DONTWAIT);
        if (size < 0) {
            saw_reset_ |= errno == ECONNRESET;
            return;
        }
        saw_end_ = size == 0;
        received.append(room, static_cast<size_t>(size));
        most -= static_cast<size_t>(size);
    }
}

void Peer::finish() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void Peer::reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
}

void Recorder::maybe_close() {
    if (closes_in > 0 && --closes_in == 0) connection.close();
}

void Recorder::echo() {
    if (pending_echo.empty() || connection.is_sending() || !connection.is_open()) return;
    arena.reset();
    Chain chain;
    chain.add(arena, arena.copy(pending_echo));
    pending_echo.clear();
    connection.send(chain);
}

void Recorder::on_received(Received& delivery) {
    EXPECT_FALSE(connection.is_paused());
    EXPECT_TRUE(connection.is_open());
    received.append(delivery.bytes());
    deliveries.push_back(delivery.bytes().size());
    if (keeps_buffers) held.push_back(delivery.take());
    if (pauses_in > 0 && --pauses_in == 0) connection.pause();
    reacts();
    if (echoes) {
        pending_echo.append(delivery.bytes());
        echo();
    }
    maybe_close();
}

void Recorder::on_sent() {
    EXPECT_TRUE(connection.is_open());
    EXPECT_FALSE(connection.is_sending());
    ++sent;
    if (echoes) echo();
    maybe_close();
}

void Recorder::on_connected() {
    ++connected;
    maybe_close();
}

void Recorder::on_peer_closed() {
    EXPECT_TRUE(connection.is_open());
    ++peer_closed;
    received_at_close = received.size();
    maybe_close();
}

void Recorder::on_failed(const Error& why) {
    EXPECT_TRUE(connection.is_open());
    ++failed;
    error = why.number;
    error_text = why.text;
    connection.close();
}

void EventTest::SetUp() {
    auto made = Loop::create({.backend = GetParam(), .connections = 512, .log = {}});
    ASSERT_TRUE(made) << made.error().text;
    loop = std::move(*made);
}

void EventTest::settle(int count) {
    for (int i = 0; i < count; ++i) loop->turn({1});
}

int64_t EventTest::monotonic() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

SocketAddress EventTest::address_of(int fd) {
    SocketAddress address;
    socklen_t length = SocketAddress::capacity();
    EXPECT_EQ(::getsockname(fd, address.get(), &length), 0);
    address.set_length(length);
    return address;
}

Peer EventTest::client_of(int listening) {
    const SocketAddress address = address_of(listening);
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.get(), address.length()), 0) << errno;
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return Peer(std::move(fd));
}

std::pair<Peer, UniqueFd> EventTest::tcp_pair(int send_buffer, int receive_buffer) {
    const UniqueFd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress any = SocketAddress::ipv4(INADDR_LOOPBACK, 0);
    EXPECT_EQ(::bind(listening.get(), any.get(), any.length()), 0);
    if (send_buffer > 0) ::setsockopt(listening.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    EXPECT_EQ(::listen(listening.get(), 1), 0);
    const SocketAddress address = address_of(listening.get());
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    EXPECT_EQ(::connect(fd.get(), address.get(), address.length()), 0);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_TRUE(accepted);
    return {Peer(std::move(fd)), std::move(accepted)};
}

std::pair<Peer, UniqueFd> EventTest::unix_pair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    return {Peer(UniqueFd(ends[0])), UniqueFd(ends[1])};
}

UniqueFd EventTest::file_with(Text content) {
    UniqueFd fd(::memfd_create("content", MFD_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
    return fd;
}

std::string EventTest::pattern(size_t size, unsigned seed) {
    std::string made(size, '\0');
    uint32_t state = seed * 2654435761U + 1;
    for (char& c : made) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    return made;
}

void refuse(int number, int error, int argument, uint32_t value) {
    const auto call = static_cast<uint32_t>(number);
    const auto index = static_cast<uint32_t>(std::max(argument, 0));
    const auto place = static_cast<uint32_t>(offsetof(seccomp_data, args) + index * sizeof(uint64_t));
    const auto asked = argument < 0 ? static_cast<uint32_t>(offsetof(seccomp_data, nr)) : place;
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, asked),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument < 0 ? call : value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(steps)), steps};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(2);
}

bool holds_in_child(const std::function<bool()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

std::string backend_name(const testing::TestParamInfo<BackendKind>& info) {
    return info.param == BackendKind::epoll ? "epoll" : "io_uring";
}

std::vector<BackendKind> working_backends() {
    std::vector<BackendKind> working{BackendKind::epoll};
    if (why_not(BackendKind::io_uring).empty()) working.push_back(BackendKind::io_uring);
    return working;
}

}  // namespace sluice::event
