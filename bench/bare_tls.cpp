// The least that a TLS server must do with OpenSSL, as bare.cpp is for plain connections: one handshake, one constant
// answer for each empty line, by epoll and the library's own socket BIO.
//   bare_tls PORT CERTIFICATE KEY kept|close tickets|no-tickets BYTES
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_map>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "listen.h"

namespace {

[[noreturn]] void fail_in_library(const char* what) {
    ERR_print_errors_fp(stderr);
    fail(what);
}

SSL_CTX* make_context(const char* certificate, const char* key, bool gives_tickets) {
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, gives_tickets ? 1 : 0);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) fail_in_library(certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) fail_in_library(key);
    return context;
}

class Server {
 public:
    Server(SSL_CTX* context, bool closes, std::string answer)
        : context_(context), closes_(closes), answer_(std::move(answer)) {}

    void run(int listener) {
        watch(listener, EPOLLIN);
        epoll_event events[512];
        for (;;) {
            const int count = ::epoll_wait(epoll_, events, 512, -1);
            for (int i = 0; i < count; ++i)
                if (events[i].data.fd == listener)
                    accept(listener);
                else
                    serve(events[i].data.fd);
        }
    }

 private:
    void watch(int fd, uint32_t what) {
        epoll_event event{.events = what, .data = {.fd = fd}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    void accept(int listener) {
        for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
            SSL* const ssl = SSL_new(context_);
            SSL_set_fd(ssl, fd);
            SSL_set_accept_state(ssl);
            sessions_[fd] = ssl;
            watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
        }
    }
    void serve(int fd) {
        SSL* const ssl = sessions_[fd];
        for (;;) {
            char room[4096];
            const int size = SSL_read(ssl, room, sizeof room);
            if (size <= 0) {
                if (SSL_get_error(ssl, size) != SSL_ERROR_WANT_READ) close(fd, ssl);
                return;
            }
            SSL_write(ssl, answer_.data(), static_cast<int>(answer_.size()));
            if (closes_) {
                SSL_shutdown(ssl);
                return close(fd, ssl);
            }
        }
    }
    void close(int fd, SSL* ssl) {
        ERR_clear_error();
        SSL_free(ssl);
        sessions_.erase(fd);
        ::close(fd);
    }

    SSL_CTX* const context_;
    const bool closes_;
    const std::string answer_;
    const int epoll_ = ::epoll_create1(0);
    std::unordered_map<int, SSL*> sessions_;
};

}  // namespace

int main(int count, char** words) {
    if (count != 7) {
        std::fputs("usage: bare_tls PORT CERTIFICATE KEY kept|close tickets|no-tickets BYTES\n", stderr);
        return 2;
    }
    const bool closes = std::string_view(words[4]) == "close";
    std::string answer =
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 07:00:00 GMT\r\nContent-Type: "
        "text/plain\r\n"
        "Content-Length: " +
        std::string(words[6]) + (closes ? "\r\nConnection: close" : "\r\nConnection: keep-alive") + "\r\n\r\n";
    answer.append(static_cast<size_t>(std::atol(words[6])), 'x');
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX* const context = make_context(words[2], words[3], std::string_view(words[5]) == "tickets");
    Server(context, closes, std::move(answer)).run(listen_on(words[1]));
}
