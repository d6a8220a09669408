// A server with no HTTP in it, to measure the event layer alone: whatever ends in an empty line is a request.
//   event_server io_uring|epoll PORT fixed BYTES | close BYTES | file PATH | proxy PORT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "event/connection.h"
#include "event/listener.h"
#include "event/loop.h"

namespace {

using namespace sluice;
using namespace sluice::event;

struct Setup {
    std::string mode;
    std::string head;
    std::string body;
    int file = -1;
    int64_t file_size = 0;
    SocketAddress upstream;
};
Setup setup;

class Server;

/// A connection to the upstream server, kept for the next request.
class Upstream final : public ConnectionHandler {
 public:
    explicit Upstream(Loop& loop) : connection(loop, *this) {}
    void on_connected() override { forward(); }
    void on_received(Received& received) override;
    void on_sent() override {}
    void on_peer_closed() override {}
    void on_failed(const Error& error) override {
        std::fprintf(stderr, "upstream: %s %d\n", error.text.c_str(), error.number);
        std::exit(1);
    }
    void ask(Server& client, Text request);
    void forward();

    Connection connection;
    Server* client = nullptr;
    std::string request;
    Buffer buffer;
    int64_t expected = -1;  ///< bytes of the response that are still to come
};

std::vector<Upstream*> idle_upstreams;

class Server final : public ConnectionHandler, public Mortal {
 public:
    explicit Server(Loop& loop) : connection(loop, *this) {}
    bool can_be_buried() const override { return !connection.has_operations(); }

    void on_received(Received& received) override {
        if (!received.bytes().ends_with("\r\n\r\n")) return;
        if (setup.mode == "proxy") return proxy(received.bytes());
        Chain chain;
        pieces[0] = {setup.head.data(), setup.head.data() + setup.head.size()};
        chain.append(pieces[0]);
        if (setup.file >= 0) {
            pieces[1] = {nullptr, nullptr, setup.file, 0, setup.file_size};
        } else {
            pieces[1] = {setup.body.data(), setup.body.data() + setup.body.size()};
        }
        if (pieces[1].size() > 0) chain.append(pieces[1]);
        const SendState state = connection.send(chain);
        if (setup.mode == "close" && state == SendState::done) leave();
    }
    void on_sent() override {
        held.reset();
        if (setup.mode == "close") return leave();
        if (upstream != nullptr) upstream->connection.resume();
    }
    void on_peer_closed() override { leave(); }
    void on_failed(const Error&) override { leave(); }
    void leave() {
        if (upstream != nullptr) {
            upstream->connection.close();
            upstream = nullptr;
        }
        connection.close();
        connection.loop().bury(this);
    }
    void proxy(Text request) {
        Upstream* to = nullptr;
        if (idle_upstreams.empty()) {
            to = new Upstream(connection.loop());
        } else {
            to = idle_upstreams.back();
            idle_upstreams.pop_back();
        }
        upstream = to;
        to->ask(*this, request);
    }
    void relay(Received& received, bool is_last) {
        pieces[0] = {received.bytes().data(), received.bytes().data() + received.bytes().size()};
        Chain chain;
        chain.append(pieces[0]);
        Upstream* from = upstream;
        if (is_last) upstream = nullptr;
        if (connection.send(chain) != SendState::pending) return;
        held = received.take();
        if (!is_last) from->connection.pause();
    }

    Connection connection;
    Upstream* upstream = nullptr;
    BufferHold held;
    Buffer pieces[2];
};

void Upstream::ask(Server& its_client, Text its_request) {
    client = &its_client;
    request = its_request;
    expected = -1;
    if (connection.is_open()) return forward();
    if (!connection.connect(setup.upstream, {})) std::exit(1);
}

void Upstream::forward() {
    buffer = {request.data(), request.data() + request.size()};
    Chain chain;
    chain.append(buffer);
    connection.send(chain);
}

void Upstream::on_received(Received& received) {
    const Text bytes = received.bytes();
    if (expected < 0) {
        const size_t end = bytes.find("\r\n\r\n");
        const size_t field = bytes.find("Content-Length: ");
        if (end == Text::npos || field == Text::npos) std::exit(1);
        expected = static_cast<int64_t>(end) + 4 + std::atol(bytes.data() + field + 16);
    }
    expected -= static_cast<int64_t>(bytes.size());
    const bool is_last = expected == 0;
    connection.expect_bulk(expected > 16384);
    client->relay(received, is_last);
    if (is_last) idle_upstreams.push_back(this);
}

class Acceptor final : public AcceptHandler {
 public:
    explicit Acceptor(Loop& loop) : loop_(loop) {}
    void on_accepted(Accepted&& accepted, void*) override {
        auto* server = new Server(loop_);
        server->connection.open(std::move(accepted.fd));
    }
    bool make_room() override { return false; }
    bool has_room() const override { return true; }

 private:
    Loop& loop_;
};

bool read_setup(char** words, int count) {
    setup.mode = words[0];
    size_t size = 0;
    if (setup.mode == "file" && count > 1) {
        setup.file = ::open(words[1], O_RDONLY | O_CLOEXEC);
        struct stat status {};
        if (setup.file < 0 || ::fstat(setup.file, &status) != 0) return false;
        setup.file_size = status.st_size;
        size = static_cast<size_t>(status.st_size);
    } else if (setup.mode == "proxy" && count > 1) {
        setup.upstream = SocketAddress::ipv4(INADDR_LOOPBACK, static_cast<uint16_t>(std::atoi(words[1])));
    } else if (count > 1) {
        size = static_cast<size_t>(std::atol(words[1]));
        setup.body.assign(size, 'x');
    }
    setup.head =
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 07:00:00 GMT\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: " +
        std::to_string(size) + (setup.mode == "close" ? "\r\nConnection: close" : "\r\nConnection: keep-alive") +
        "\r\n\r\n";
    return true;
}

}  // namespace

int main(int count, char** words) {
    if (count < 4 || !read_setup(words + 3, count - 3)) {
        std::fprintf(stderr,
                     "usage: event_server io_uring|epoll PORT fixed BYTES | close BYTES | file PATH | proxy PORT\n");
        return 2;
    }
    const BackendKind kind = std::strcmp(words[1], "epoll") == 0 ? BackendKind::epoll : BackendKind::io_uring;
    auto loop = Loop::create({.backend = kind, .connections = 1024, .log = {}});
    if (!loop) {
        std::fprintf(stderr, "%s\n", loop.error().text.c_str());
        return 1;
    }
    const SocketAddress address = SocketAddress::ipv4(INADDR_LOOPBACK, static_cast<uint16_t>(std::atoi(words[2])));
    auto listening = open_listening_socket(address, {});
    if (!listening) {
        std::fprintf(stderr, "%s\n", listening.error().text.c_str());
        return 1;
    }
    Acceptor acceptor(**loop);
    Listener listener(**loop, listening->get(), acceptor, nullptr, {.multi_accept = true});
    listener.start();
    (*loop)->run();
}
