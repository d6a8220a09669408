// The least that a server must do, to tell what this machine charges for it: whatever ends in an empty line is a
// request, answers are constants, nobody is polite. What stays between this and a real server is the server's own.
//   bare epoll|io_uring PORT fixed BYTES | close BYTES | file PATH | proxy PORT-OF-ORIGIN
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <liburing.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "listen.h"

namespace {

enum class Mode { fixed, close, file, proxy };

struct Setup {
    Mode mode = Mode::fixed;
    std::string answer;  ///< head and body, or of a file the head alone
    int file = -1;
    size_t file_size = 0;
    sockaddr_in origin{};
};
Setup setup;

constexpr size_t kRoom = 16384;
constexpr int kMostDescriptors = 4096;

/// What a descriptor is: a client's connection, or one to the origin (`partner` >= 0: whom it works for).
struct Socket {
    int partner = -1;
    bool is_origin = false;
    size_t sent = 0;  ///< of an answer that did not fit
    bool is_sending = false;
};
Socket sockets[kMostDescriptors];
std::vector<int> idle_origins;

/// Where bytes that came on a connection go. `is_new`: it must be watched.
struct Route {
    int to = -1;
    bool is_new = false;
};

/// A connection to the origin: one that rests, or a new one.
Route find_origin() {
    if (!idle_origins.empty()) {
        const int fd = idle_origins.back();
        idle_origins.pop_back();
        return {fd, false};
    }
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&setup.origin), sizeof setup.origin) != 0) fail("connect");
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
    sockets[fd].is_origin = true;
    return {fd, true};
}

/// An answer goes to who waits for it, and its connection rests; a request gets a connection.
Route route_from(int fd) {
    if (sockets[fd].is_origin) {
        idle_origins.push_back(fd);
        return {sockets[fd].partner, false};
    }
    const Route route = find_origin();
    sockets[route.to].partner = fd;
    return route;
}

/// Sends what is left of a file's answer, the head at once (as without tcp_nopush); false: the socket is full.
bool send_file(int fd) {
    Socket& socket = sockets[fd];
    const size_t whole = setup.answer.size() + setup.file_size;
    while (socket.sent < whole) {
        ssize_t size = 0;
        if (socket.sent < setup.answer.size()) {
            size = ::send(fd, setup.answer.data(), setup.answer.size(), MSG_NOSIGNAL);
        } else {
            auto offset = static_cast<off_t>(socket.sent - setup.answer.size());
            size = ::sendfile(fd, setup.file, &offset, whole - socket.sent);
        }
        if (size <= 0) return false;
        socket.sent += static_cast<size_t>(size);
    }
    socket.sent = 0;
    return true;
}

// --- epoll ---

class EpollServer {
 public:
    void run(int listener) {
        watch(listener, EPOLLIN);
        epoll_event events[512];
        for (;;) {
            const int count = ::epoll_wait(epoll_, events, 512, -1);
            for (int i = 0; i < count; ++i)
                if (events[i].data.fd == listener)
                    accept(listener);
                else
                    on_event(events[i].data.fd, events[i].events);
        }
    }

 private:
    void watch(int fd, uint32_t what) {
        epoll_event event{.events = what, .data = {.fd = fd}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    void accept(int listener) {
        for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            sockets[fd] = {};
            if (setup.mode != Mode::close) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
            watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        }
    }
    void on_event(int fd, uint32_t what) {
        Socket& socket = sockets[fd];
        if (socket.is_sending) {
            socket.is_sending = !send_file(fd);
            return;
        }
        if ((what & EPOLLIN) == 0) return;
        const ssize_t size = ::recv(fd, room_, sizeof room_, MSG_DONTWAIT);
        if (size < 0) return;
        if (size == 0) {
            ::close(fd);
            return;
        }
        answer(fd, static_cast<size_t>(size));
    }
    void answer(int fd, size_t size) {
        switch (setup.mode) {
            case Mode::file: sockets[fd].is_sending = !send_file(fd); return;
            case Mode::proxy: return pass_on(fd, size);
            default: ::send(fd, setup.answer.data(), setup.answer.size(), MSG_NOSIGNAL);
        }
        if (setup.mode == Mode::close) ::close(fd);
    }
    void pass_on(int fd, size_t size) {
        const Route route = route_from(fd);
        if (route.is_new) watch(route.to, EPOLLIN | EPOLLET);
        ::send(route.to, room_, size, MSG_NOSIGNAL);
    }

    const int epoll_ = ::epoll_create1(0);
    char room_[kRoom];
};

// --- io_uring ---

class UringServer {
 public:
    void run(int listener) {
        set_up();
        accept(listener);
        for (;;) {
            io_uring_submit_and_wait(&ring_, 1);
            const unsigned count = io_uring_cq_ready(&ring_);
            for (unsigned i = 0; i < count; ++i) {
                const io_uring_cqe entry = ring_.cq.cqes[(*ring_.cq.khead + i) & *ring_.cq.kring_mask];
                on_completion(entry, listener);
            }
            io_uring_cq_advance(&ring_, count);
        }
    }

 private:
    enum Kind : uint64_t { kAccept, kReceive, kNothing };
    static constexpr unsigned kBuffers = 256;
    static constexpr size_t kSize = 4096;

    void set_up() {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        parameters.cq_entries = 8192;
        if (io_uring_queue_init_params(1024, &ring_, &parameters) != 0) fail("io_uring_setup");
        io_uring_register_ring_fd(&ring_);
        void* memory = std::aligned_alloc(4096, kBuffers * sizeof(io_uring_buf));
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<uint64_t>(memory);
        registration.ring_entries = kBuffers;
        if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) fail("io_uring_register_buf_ring");
        buffers_ = static_cast<io_uring_buf_ring*>(memory);
        io_uring_buf_ring_init(buffers_);
        for (unsigned i = 0; i < kBuffers; ++i) give_back(i);
    }
    void give_back(unsigned buffer) {
        io_uring_buf_ring_add(buffers_, room_ + buffer * kSize, kSize, static_cast<uint16_t>(buffer), kBuffers - 1,
                              0);
        io_uring_buf_ring_advance(buffers_, 1);
    }
    io_uring_sqe& next(int fd, Kind kind) {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        while (entry == nullptr) {
            io_uring_submit(&ring_);
            entry = io_uring_get_sqe(&ring_);
        }
        pending_ = static_cast<uint64_t>(fd) << 8U | kind;
        return *entry;
    }
    void accept(int listener) {
        io_uring_sqe& entry = next(listener, kAccept);
        io_uring_prep_multishot_accept(&entry, listener, nullptr, nullptr, 0);
        io_uring_sqe_set_data64(&entry, pending_);
    }
    void receive(int fd) {
        io_uring_sqe& entry = next(fd, kReceive);
        io_uring_prep_recv_multishot(&entry, fd, nullptr, 0, 0);
        entry.flags |= IOSQE_BUFFER_SELECT;
        io_uring_sqe_set_data64(&entry, pending_);
    }
    void send(int fd, const char* from, size_t size) {
        io_uring_sqe& entry = next(fd, kNothing);
        io_uring_prep_send(&entry, fd, from, size, MSG_NOSIGNAL);
        entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data64(&entry, pending_);
    }
    void close(int fd) {
        io_uring_sqe& entry = next(fd, kNothing);
        io_uring_prep_close(&entry, fd);
        entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data64(&entry, pending_);
    }
    void on_completion(const io_uring_cqe& entry, int listener) {
        const auto fd = static_cast<int>(entry.user_data >> 8U);
        switch (entry.user_data & 0xffU) {
            case kAccept:
                if (entry.res >= 0) open(entry.res);
                if ((entry.flags & IORING_CQE_F_MORE) == 0) accept(listener);
                break;
            case kReceive: on_received(fd, entry); break;
            default: break;
        }
    }
    void open(int fd) {
        sockets[fd] = {};
        if (setup.mode != Mode::close) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
        receive(fd);
    }
    void on_received(int fd, const io_uring_cqe& entry) {
        if (entry.res <= 0 && entry.res != -ENOBUFS) return setup.mode == Mode::close ? void() : close(fd);
        const bool has_ended = (entry.flags & IORING_CQE_F_MORE) == 0;
        if (entry.res > 0) {
            const unsigned buffer = entry.flags >> IORING_CQE_BUFFER_SHIFT;
            answer(fd, room_ + buffer * kSize, static_cast<size_t>(entry.res));
            give_back(buffer);
        }
        if (has_ended) receive(fd);
    }
    void answer(int fd, const char* from, size_t size) {
        switch (setup.mode) {
            case Mode::file: send_file(fd); return;
            case Mode::proxy: return pass_on(fd, from, size);
            default: send(fd, setup.answer.data(), setup.answer.size());
        }
        if (setup.mode == Mode::close) ::shutdown(fd, SHUT_RD), close(fd);
    }
    /// The buffer goes round only after 256 others: the kernel has read it by then.
    void pass_on(int fd, const char* from, size_t size) {
        const Route route = route_from(fd);
        if (route.is_new) receive(route.to);
        send(route.to, from, size);
    }

    io_uring ring_{};
    io_uring_buf_ring* buffers_ = nullptr;
    uint64_t pending_ = 0;
    char room_[kBuffers * kSize];
};

bool read_setup(std::string_view mode, const char* argument) {
    if (mode == "proxy") {
        setup.mode = Mode::proxy;
        setup.origin = loopback(argument);
        return true;
    }
    size_t size = 0;
    if (mode == "file") {
        setup.mode = Mode::file;
        setup.file = ::open(argument, O_RDONLY | O_CLOEXEC);
        if (setup.file < 0) fail(argument);
        size = setup.file_size = static_cast<size_t>(::lseek(setup.file, 0, SEEK_END));
    } else {
        if (mode != "fixed" && mode != "close") return false;
        setup.mode = mode == "close" ? Mode::close : Mode::fixed;
        size = static_cast<size_t>(std::atol(argument));
    }
    setup.answer =
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 07:00:00 GMT\r\nContent-Type: "
        "text/plain\r\n"
        "Content-Length: " +
        std::to_string(size) + (mode == "close" ? "\r\nConnection: close" : "\r\nConnection: keep-alive") +
        "\r\n\r\n";
    if (setup.mode != Mode::file) setup.answer.append(size, 'x');
    return true;
}

}  // namespace

int main(int count, char** words) {
    if (count != 5 || !read_setup(words[3], words[4])) {
        std::fputs("usage: bare epoll|io_uring PORT fixed BYTES | close BYTES | file PATH | proxy PORT\n", stderr);
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);  // of sendfile()
    const int listener = listen_on(words[2]);
    if (std::strcmp(words[1], "epoll") == 0) {
        static EpollServer server;
        server.run(listener);
    } else {
        static UringServer server;
        server.run(listener);
    }
}
