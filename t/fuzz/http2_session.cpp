// Frames of a client, into a whole worker that runs in this process: http_v2 and what stands behind it. The input is
// made of records, of which the target makes frames whose lengths are right, so that a changed byte is a changed
// frame:
//
//   kind  flags  stream  size  payload       kind: 0x80 set: the worker has its turns first; 0x40: a wrong length
//
// Its first byte says how the connection behaves (Manner).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/proc/listening_sockets.h"
#include "cycle/cycle.h"
#include "cycle/modules.h"
#include "http/modules.h"
#include "http/worker.h"

namespace sluice::fuzz {

namespace {

enum Manner : uint8_t {
    is_raw = 1,
    has_no_preface = 2,
    reads_little = 4,
    stays_open = 8,
    is_cut = 16,
    acknowledges = 32
};

constexpr Text kPreface = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33};
constexpr Text kAcknowledgement = {"\0\0\0\4\1\0\0\0\0", 9};
constexpr int kMostTurns = 400;

[[noreturn]] void give_up(const std::string& what) {
    std::fprintf(stderr, "http2_session: %s\n", what.c_str());
    std::abort();
}

std::string folder_of_program() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().string() + "/";
}

/// A prefix in a temporary folder, with the configuration.
class Prefix {
 public:
    Prefix() {
        char name[] = "/tmp/sluice-fuzz.XXXXXX";
        if (mkdtemp(name) == nullptr) give_up("no temporary folder");
        path_ = std::string(name) + "/";
        for (const char* folder : {"html", "logs"}) std::filesystem::create_directory(path_ + folder);
        std::ofstream(path_ + "html/file") << std::string(100'000, 'x');
        std::ofstream(path_ + "conf") << configuration();
    }
    ~Prefix() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

 private:
    std::string configuration() const {
        const std::string modules = folder_of_program() + "modules/";
        const std::string up =
            "proxy_pass http://unix:" + path_ + "socket:/answer; proxy_set_header Connection close; ";
        std::string text;
        for (const char* name : {"http_v2", "http_proxy", "http_rewrite"})
            text += "load_module " + modules + name + ".so; ";
        return text + "pid off;\n" + "error_log /dev/null info; events { use epoll; worker_connections 64; }\n" +
               "http { access_log off; http2_body_preread_size 2000; proxy_temp_path temp; client_body_temp_path "
               "body;\n" +
               "client_body_buffer_size 1k; lingering_close off; log_not_found off; large_client_header_buffers 4 "
               "1k;\n" +
               "server { listen unix:" + path_ + "socket http2; http2_max_concurrent_streams 5; root html;\n" +
               "location / { } location /answer { return 200 answer; } location /slow { limit_rate 1k; }\n" +
               "location /up { " + up + "} location /un { proxy_http_version 1.1; proxy_request_buffering off; " +
               up + "} } }\n";
    }

    std::string path_;
};

struct NoPools final : event::ThreadPools {
    event::ThreadPool* find(Text) override { return nullptr; }
};

/// A worker with nothing around it.
class Server {
 public:
    Server() {
        built_in_.assign(cycle::kModules.begin(), cycle::kModules.end());
        built_in_.insert(built_in_.end(), http::kModules.begin(), http::kModules.end());
        options_.prefix = options_.conf_prefix = prefix_.path();
        options_.conf_path = prefix_.path() + "conf";
        options_.error_log = "/dev/null";
        options_.modules = folder_of_program() + "modules/";
        options_.built_in = built_in_;
        cycle_ = std::make_unique<cycle::Cycle>(options_, Log{});
        Result<void> done = cycle_->read();
        if (done) done = cycle_->open(&sockets_, nullptr);
        if (!done) give_up(done.error().text);
        Result<std::unique_ptr<event::Loop>> loop = event::Loop::create({.backend = event::BackendKind::epoll});
        if (!loop) give_up(loop.error().text);
        loop_ = std::move(*loop);
        const cycle::Bound& bound = cycle_->bound().front();
        Result<std::unique_ptr<event::ServiceWorker>> started = bound.service->start(
            *loop_, {.connections = 64, .accept = {}, .debug_connections = {}, .thread_pools = pools_});
        if (!started) give_up(started.error().text);
        worker_ = std::move(*started);
        worker_->listen(*bound.binding, bound.fds.front());
        endpoint_ = bound.binding->endpoint;
    }
    ~Server() {
        worker_->abort();
        for (int left = kMostTurns; left > 0 && has_connections(); --left) turn();
    }

    void connect(int fd) {
        event::Accepted accepted;
        accepted.fd = UniqueFd(fd);
        static_cast<http::Worker&>(*worker_).on_accepted(std::move(accepted), const_cast<void*>(endpoint_));
    }
    void turn() { loop_->turn(Msec{0}); }
    /// It listens all the time, so that ServiceWorker::has_connections() does not tell.
    bool has_connections() const { return http::shared_counters().active != 0; }

 private:
    Prefix prefix_;
    std::vector<const module::Descriptor*> built_in_;
    cycle::Options options_;
    proc::ListeningSockets sockets_;
    std::unique_ptr<cycle::Cycle> cycle_;
    NoPools pools_;
    std::unique_ptr<event::Loop> loop_;
    std::unique_ptr<event::ServiceWorker> worker_;
    const void* endpoint_ = nullptr;
};

class Client {
 public:
    Client(Server& server, uint8_t manner) : server_(server), manner_(manner) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
            give_up("socketpair() failed");
        fd_ = UniqueFd(pair[0]);
        server_.connect(pair[1]);
        if ((manner_ & has_no_preface) == 0) add(kPreface);
    }

    void add(Text bytes) { pending_.append(bytes); }
    void add_frame(size_t length, const uint8_t head[3], Text payload) {
        for (const unsigned shift : {16U, 8U, 0U}) pending_ += static_cast<char>(length >> shift & 0xffU);
        pending_ += static_cast<char>(head[0] & 0x3fU);
        pending_ += static_cast<char>(head[1]);
        // The streams that a short input reaches, and one that is far away.
        const bool is_far = head[2] == 0xff;
        pending_.append({is_far ? '\x7f' : '\0', '\0', '\0', static_cast<char>(head[2])});
        add(payload);
    }
    /// Sends what was added, and lets the worker answer.
    void flush() {
        while (!pending_.empty() && !is_gone_) {
            const size_t piece = (manner_ & is_cut) != 0 ? std::min<size_t>(pending_.size(), 7) : pending_.size();
            const ssize_t sent = ::send(fd_.get(), pending_.data(), piece, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) is_gone_ = true;
            if (sent > 0) pending_.erase(0, static_cast<size_t>(sent));
            server_.turn();
            if ((manner_ & reads_little) == 0) read();
        }
        for (int i = 0; i < 4; ++i) server_.turn();
        if ((manner_ & reads_little) == 0) read();
    }
    void half_close() { shutdown(fd_.get(), SHUT_WR); }
    void read() {
        static char sink[65536];
        while (::recv(fd_.get(), sink, sizeof(sink), 0) > 0) continue;
    }

 private:
    Server& server_;
    uint8_t manner_;
    UniqueFd fd_;
    std::string pending_;
    bool is_gone_ = false;
};

void send_records(Client& client, const uint8_t* at, const uint8_t* end) {
    while (end - at >= 4) {
        const uint8_t* const head = at;
        at += 4;
        const size_t size =
            std::min<size_t>(head[3] < 0xf0 ? head[3] : (head[3] - 0xefU) * 1100U, static_cast<size_t>(end - at));
        if ((head[0] & 0x80U) != 0) client.flush();
        const size_t length = (head[0] & 0x40U) != 0 ? head[3] * 70U : size;
        client.add_frame(length, head, {reinterpret_cast<const char*>(at), size});
        at += size;
    }
}

void run(Server& server, const uint8_t* data, size_t size) {
    const uint8_t manner = size != 0 ? data[0] : 0;
    {
        Client client(server, manner);
        if ((manner & acknowledges) != 0) client.add(kAcknowledgement);
        if ((manner & is_raw) != 0) {
            client.add({reinterpret_cast<const char*>(data + 1), size - 1});
        } else if (size != 0) {
            send_records(client, data + 1, data + size);
        }
        client.flush();
        if ((manner & stays_open) != 0) {
            client.half_close();
            for (int i = 0; i < 10; ++i) server.turn();
        }
    }
    for (int left = kMostTurns; server.has_connections(); --left) {
        if (left == 0) give_up("a connection outlives its client");
        server.turn();
    }
}

}  // namespace

}  // namespace sluice::fuzz

static sluice::fuzz::Server* server;

/// Before the fuzzer counts what there is to cover: this loads the modules.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
    static sluice::fuzz::Server made;
    server = &made;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    sluice::fuzz::run(*server, data, size);
    return 0;
}
