// Listeners on both backends: accepting, running out of descriptors and of room, sharing a socket.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/fixture.h"

namespace sluice::event {
namespace {

struct Acceptor : AcceptHandler {
    void on_accepted(Accepted&& one, void* endpoint) override {
        endpoints.push_back(endpoint);
        accepted.push_back(std::move(one));
        if (in_accepted) in_accepted();
    }
    bool make_room() override {
        ++asked_for_room;
        return can_make_room;
    }
    size_t room() const override { return accepted.size() < most ? most - accepted.size() : 0; }

    std::vector<Accepted> accepted;
    std::vector<void*> endpoints;
    size_t most = SIZE_MAX;
    int asked_for_room = 0;
    bool can_make_room = false;
    std::function<void()> in_accepted;
};

/// Collects what is logged.
struct Route : LogRoute {
    Route() { threshold_ = LogLevel::info; }
    void emit(LogLevel level, Text line) const override {
        lines.push_back(std::string(log_level_name(level)) + " " + std::string(line));
    }
    mutable std::vector<std::string> lines;
};

class ListenerTest : public EventTest {
 protected:
    void SetUp() override {
        auto made = Loop::create({.backend = GetParam(), .connections = 512, .log = Log(&route)});
        ASSERT_TRUE(made) << made.error().text;
        loop = std::move(*made);
        auto opened = open_listening_socket(SocketAddress::ipv4(INADDR_LOOPBACK, 0), {});
        ASSERT_TRUE(opened) << opened.error().text;
        listening = std::move(*opened);
    }
    Route route;
    UniqueFd listening;
    Acceptor acceptor;
    int endpoint = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, ListenerTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(ListenerTest, AcceptsWithThePeersAddress) {
    Listener listener(*loop, listening.get(), acceptor, &endpoint, {});
    listener.start();
    EXPECT_TRUE(listener.is_running());
    const Peer client = client_of(listening.get());
    ASSERT_TRUE(until([&] { return acceptor.accepted.size() == 1; }));
    const Accepted& one = acceptor.accepted.front();
    EXPECT_TRUE(one.peer == address_of(client.fd()));
    EXPECT_EQ(acceptor.endpoints.front(), &endpoint);
    EXPECT_NE(::fcntl(one.fd.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(one.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    int no_delay = 0;
    socklen_t length = sizeof no_delay;
    ::getsockopt(one.fd.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
    EXPECT_NE(no_delay, 0);
}

TEST_P(ListenerTest, AcceptsABurst) {
    for (const bool many_at_once : {false, true}) {
        acceptor.accepted.clear();
        Listener listener(*loop, listening.get(), acceptor, nullptr, {.multi_accept = many_at_once});
        listener.start();
        std::vector<Peer> clients;
        for (int i = 0; i < 200; ++i) clients.push_back(client_of(listening.get()));
        EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 200; }));
        listener.stop();
        EXPECT_TRUE(until([&] { return !listener.has_operations(); }));
    }
}

/// Nobody shares the socket: everything that waits may be taken at once.
constexpr Listener::Options kAlone{.is_exclusive = false};

TEST_P(ListenerTest, AloneItTakesABurstWithEveryAddress) {
    Listener listener(*loop, listening.get(), acceptor, &endpoint, kAlone);
    listener.start();
    std::vector<Peer> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(client_of(listening.get()));
    ASSERT_TRUE(until([&] { return acceptor.accepted.size() == 200; }));
    for (size_t i = 0; i < clients.size(); ++i) {
        const Accepted& one = acceptor.accepted[i];
        EXPECT_TRUE(one.peer == address_of(clients[i].fd()));
        EXPECT_NE(::fcntl(one.fd.get(), F_GETFL) & O_NONBLOCK, 0);
        EXPECT_NE(::fcntl(one.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    }
    listener.stop();
    EXPECT_TRUE(until([&] { return !listener.has_operations(); }));
    clients.push_back(client_of(listening.get()));
    settle();
    EXPECT_EQ(acceptor.accepted.size(), 200U) << "what waits behind stop() is left to others";
}

TEST_P(ListenerTest, AloneItLeavesTheRestInTheQueueWhenRoomRunsOut) {
    constexpr size_t kRoom = 600;
    acceptor.most = kRoom;
    auto larger = open_listening_socket(SocketAddress::ipv4(INADDR_LOOPBACK, 0), {.backlog = 1024});
    ASSERT_TRUE(larger) << larger.error().text;
    Listener listener(*loop, larger->get(), acceptor, nullptr, kAlone);
    listener.start();
    std::vector<Peer> clients;
    while (clients.size() < kRoom + 100) {
        clients.push_back(client_of(larger->get()));
        if (clients.size() % 50 == 0) settle();
    }
    ASSERT_TRUE(until([&] { return acceptor.accepted.size() >= kRoom; }));
    settle();
    const size_t in_flight = 4;  // accepts that nobody can call back
    EXPECT_LE(acceptor.accepted.size(), kRoom + in_flight);
    EXPECT_TRUE(listener.is_running());
    acceptor.most = 10 * kRoom;
    listener.resume();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == clients.size(); }));
}

TEST_P(ListenerTest, AloneItLosesNoConnectionWhenItStopsAndStarts) {
    std::vector<Peer> clients;
    Listener listener(*loop, listening.get(), acceptor, nullptr, kAlone);
    for (int i = 0; i < 200; ++i) {
        clients.push_back(client_of(listening.get()));
        if (i % 3 == 0) listener.start();
        if (i % 5 == 0) loop->turn({0});
        if (i % 7 == 0) listener.stop();
    }
    listener.start();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == clients.size(); }));
}

TEST_P(ListenerTest, AloneItHandsWhatHasWokenItToWhoComesAfter) {
    Acceptor next;
    const UniqueFd same(::dup(listening.get()));
    auto first = std::make_unique<Listener>(*loop, listening.get(), acceptor, nullptr, kAlone);
    Listener second(*loop, same.get(), next, nullptr, kAlone);
    first->start();
    settle();
    second.start();
    std::vector<Peer> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(client_of(listening.get()));
    first->stop();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() + next.accepted.size() == 20; }));
    EXPECT_TRUE(until([&] { return !first->has_operations(); }));
}

size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST_P(ListenerTest, AClientThatHasResetIsHandedOnWithItsAddressOrNotAtAll) {
    Listener listener(*loop, listening.get(), acceptor, nullptr, kAlone);
    const size_t before = open_descriptors();
    client_of(listening.get()).reset();
    listener.start();
    const Peer stays = client_of(listening.get());
    const auto has_come = [&] {
        return !acceptor.accepted.empty() && acceptor.accepted.back().peer == address_of(stays.fd());
    };
    ASSERT_TRUE(until(has_come));
    if (acceptor.accepted.size() == 2) {
        EXPECT_NE(acceptor.accepted.front().peer.port(), 0);
        return;
    }
    ASSERT_EQ(route.lines.size(), 1U);
    EXPECT_TRUE(route.lines.front().ends_with("getpeername() failed (107: Transport endpoint is not connected)"));
    EXPECT_EQ(open_descriptors(), before + 2) << "its own is closed";
}

TEST_P(ListenerTest, AcceptsOnUnixSockets) {
    char folder[] = "/tmp/sluice-event-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    const std::string path = std::string(folder) + "/s";
    auto opened = open_listening_socket(*SocketAddress::unix_path(path), {});
    ASSERT_TRUE(opened) << opened.error().text;
    Listener listener(*loop, opened->get(), acceptor, nullptr, {});
    listener.start();
    Recorder client(*loop);
    ASSERT_TRUE(client.connection.connect(*SocketAddress::unix_path(path), {}));
    ASSERT_TRUE(until([&] { return acceptor.accepted.size() == 1 && client.connected == 1; }));
    EXPECT_TRUE(acceptor.accepted.front().peer.is_unix());
    Recorder server(*loop);
    server.echoes = true;
    server.connection.open(std::move(acceptor.accepted.front().fd));
    Chain chain;
    chain.add(client.arena, "through a path");
    client.connection.send(chain);
    EXPECT_TRUE(until([&] { return client.received == "through a path"; }));
    client.connection.close();
    server.connection.close();
    EXPECT_TRUE(until([&] { return !client.connection.has_operations() && !server.connection.has_operations(); }));
    ::unlink(path.c_str());
    ::rmdir(folder);
}

TEST(ListeningSocketTest, LeavesNoFileWhereItCanNotListen) {
    const std::string path = std::string(::testing::TempDir()) + "/refused." + std::to_string(::getpid());
    for (const int call : {SYS_chmod, SYS_listen}) {
        EXPECT_TRUE(holds_in_child([&] {
            refuse(call, EPERM);
            const auto opened = open_listening_socket(*SocketAddress::unix_path(path), {});
            return !opened && opened.error().number == EPERM && ::access(path.c_str(), F_OK) != 0;
        }));
    }
}

TEST_P(ListenerTest, StopLeavesTheQueueToOthers) {
    Acceptor other;
    Listener first(*loop, listening.get(), acceptor, nullptr, {});
    const UniqueFd same(::dup(listening.get()));
    Listener second(*loop, same.get(), other, nullptr, {});
    first.start();
    second.start();
    settle();
    first.stop();
    settle();
    std::vector<Peer> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(client_of(listening.get()));
    ASSERT_TRUE(until([&] { return other.accepted.size() == 50; }));
    EXPECT_EQ(acceptor.accepted.size(), 0U);
    second.stop();
    settle();
    clients.push_back(client_of(listening.get()));
    settle();
    EXPECT_EQ(other.accepted.size(), 50U);
    first.start();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 1; }));
}

TEST_P(ListenerTest, NoConnectionIsLostWhenListenersComeAndGo) {
    std::vector<Peer> clients;
    size_t wanted = 0;
    auto listener = std::make_unique<Listener>(*loop, listening.get(), acceptor, nullptr, Listener::Options{});
    listener->start();
    for (int i = 0; i < 100; ++i) {
        clients.push_back(client_of(listening.get()));
        ++wanted;
        if (i % 7 == 0) loop->turn({0});
        listener->stop();
        if (i % 5 == 0) loop->turn({0});
        listener->start();
    }
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == wanted; }));
}

TEST_P(ListenerTest, WhatItIsWokenForAsItStopsIsTaken) {
    struct Order {
        void stop() { listener->stop(); }
        Listener* listener;
    };
    Listener listener(*loop, listening.get(), acceptor, nullptr, {});
    listener.start();
    settle();
    Order order{&listener};
    const UniqueFd told(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    Watch watch(told.get(), Task::call<&Order::stop>, &order);
    ASSERT_TRUE(watch.start(*loop));
    const Peer client = client_of(listening.get());
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 1; }, {2000}));
    EXPECT_FALSE(listener.is_running());
}

TEST_P(ListenerTest, WhatSomebodyWasWokenForWhoNeverCameIsFound) {
    auto made = Loop::create({.backend = GetParam(), .connections = 512, .log = Log(&route)});
    ASSERT_TRUE(made) << made.error().text;
    Acceptor absent;
    Listener first(**made, listening.get(), absent, nullptr, {});
    first.start();
    (*made)->turn({0});
    for (const bool takes_turns : {false, true}) {
        acceptor.accepted.clear();
        Listener listener(*loop, listening.get(), acceptor, nullptr, {.takes_turns = takes_turns});
        listener.start();
        if (takes_turns) listener.set_turn(true);
        loop->turn({0});
        const std::array clients = {client_of(listening.get()), client_of(listening.get())};
        EXPECT_TRUE(until([&] { return acceptor.accepted.size() == clients.size(); }));
        listener.stop();
        settle();
    }
    EXPECT_EQ(absent.accepted.size(), 0U);
}

TEST_P(ListenerTest, StopsWhenThereIsNoRoom) {
    acceptor.most = 3;
    Listener listener(*loop, listening.get(), acceptor, nullptr, {.multi_accept = true});
    listener.start();
    std::vector<Peer> clients;
    for (int i = 0; i < 60; ++i) clients.push_back(client_of(listening.get()));
    settle(20);
    const size_t accepted = acceptor.accepted.size();
    EXPECT_GE(accepted, 3U);
    EXPECT_LT(accepted, 30U);
    EXPECT_GE(acceptor.asked_for_room, 1);
    EXPECT_LE(acceptor.asked_for_room, 30) << "it must not spin";
    acceptor.most = 60;
    listener.resume();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 60; }));
}

TEST_P(ListenerTest, RoomThatIsMadeIsUsed) {
    acceptor.most = 0;
    acceptor.can_make_room = true;
    Listener listener(*loop, listening.get(), acceptor, nullptr, {});
    listener.start();
    std::vector<Peer> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(client_of(listening.get()));
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 10; }));
}

/// Lowers the limit of descriptors while it lives, and uses them up.
class FewDescriptors {
 public:
    FewDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = 1000;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    void use_up() {
        for (;;) {
            UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            if (!fd) break;
            taken_.push_back(std::move(fd));
        }
    }
    FewDescriptors(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    void give_back() { taken_.clear(); }

 private:
    rlimit before_{};
    std::vector<UniqueFd> taken_;
};

TEST_P(ListenerTest, RunningOutOfDescriptorsIsSaidOnceAndPasses) {
    FewDescriptors descriptors;
    Listener listener(*loop, listening.get(), acceptor, nullptr, {.retry_delay = {50}});
    listener.start();
    loop->turn({0});
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    descriptors.use_up();
    const SocketAddress address = address_of(listening.get());
    for (const UniqueFd& fd : clients) ::connect(fd.get(), address.get(), address.length());
    ASSERT_TRUE(until([&] { return acceptor.asked_for_room >= 3; }));
    EXPECT_EQ(acceptor.accepted.size(), 0U);
    ASSERT_EQ(route.lines.size(), 1U);
    EXPECT_TRUE(route.lines[0].starts_with("crit ")) << route.lines[0];
    EXPECT_TRUE(route.lines[0].ends_with(": accept4() failed (24: Too many open files)")) << route.lines[0];
    const int64_t begin = monotonic();
    const int asked = acceptor.asked_for_room;
    while (monotonic() < begin + 200) loop->turn({20});
    EXPECT_LE(acceptor.asked_for_room - asked, 6 * 16) << "it must not spin";
    descriptors.give_back();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 20; }));
}

/// As when the kernel has no memory for a connection: what waits goes on waiting, and each try fails at once.
TEST_P(ListenerTest, AcceptingThatFailsIsSaidOnceAndTriedAgainAfterAPause) {
    Listener listener(*loop, listening.get(), acceptor, nullptr, {.retry_delay = {50}});
    listener.start();
    loop->turn({0});
    ::shutdown(listening.get(), SHUT_RDWR);  // no longer one that listens
    ASSERT_TRUE(until([&] { return !route.lines.empty(); }));
    int turns = 0;
    const int64_t begin = monotonic();
    for (; monotonic() < begin + 200; ++turns) loop->turn({20});
    EXPECT_LE(turns, 60) << "it must not spin";
    ASSERT_EQ(route.lines.size(), 1U);
    EXPECT_TRUE(route.lines[0].starts_with("alert ")) << route.lines[0];
    EXPECT_TRUE(route.lines[0].ends_with(": accept4() failed (22: Invalid argument)")) << route.lines[0];
    ASSERT_EQ(::listen(listening.get(), 16), 0);
    const Peer client = client_of(listening.get());
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 1; }));
}

TEST_P(ListenerTest, WhatTheKernelWillNotWatchIsTriedAgainAfterAPause) {
    const int number = ::dup(listening.get());
    ::close(number);
    Listener listener(*loop, number, acceptor, nullptr, {.retry_delay = {50}});
    listener.start();
    ASSERT_TRUE(until([&] { return !route.lines.empty(); }));
    const UniqueFd late(::dup3(listening.get(), number, O_CLOEXEC));
    const Peer client = client_of(listening.get());
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 1; }));
    EXPECT_EQ(route.lines.size(), 1U);
    listener.stop();
    EXPECT_TRUE(until([&] { return !listener.has_operations(); }));
}

TEST_P(ListenerTest, MayBeStoppedFromItsHandler) {
    Listener listener(*loop, listening.get(), acceptor, nullptr, {.multi_accept = true});
    acceptor.in_accepted = [&] {
        if (acceptor.accepted.size() == 3) listener.stop();
    };
    listener.start();
    std::vector<Peer> clients;
    for (int i = 0; i < 40; ++i) clients.push_back(client_of(listening.get()));
    ASSERT_TRUE(until([&] { return !listener.is_running() && !listener.has_operations(); }));
    const size_t accepted = acceptor.accepted.size();
    EXPECT_LE(accepted, 3U + 32U);
    settle();
    EXPECT_EQ(acceptor.accepted.size(), accepted);
    listener.start();
    EXPECT_TRUE(until([&] { return acceptor.accepted.size() == 40; }));
}

TEST_P(ListenerTest, TwoThousandConnectionsTalkAtOnce) {
    constexpr size_t kCount = 2000;
    Listener listener(*loop, listening.get(), acceptor, nullptr, {.multi_accept = true});
    std::vector<std::unique_ptr<Recorder>> servers;
    acceptor.in_accepted = [&] {
        servers.push_back(std::make_unique<Recorder>(*loop));
        servers.back()->echoes = true;
        servers.back()->connection.open(std::move(acceptor.accepted.back().fd));
    };
    listener.start();
    std::vector<std::unique_ptr<Recorder>> clients;
    for (size_t i = 0; i < kCount; ++i) {
        clients.push_back(std::make_unique<Recorder>(*loop));
        ASSERT_TRUE(clients.back()->connection.connect(address_of(listening.get()), {}));
        if (i % 100 == 99) {
            ASSERT_TRUE(until([&] { return servers.size() == i + 1; }));
        }
    }
    for (int round = 1; round <= 3; ++round) {
        for (const auto& client : clients) {
            client->arena.reset();
            Chain chain;
            chain.add(client->arena, client->arena.copy(pattern(700, static_cast<unsigned>(round))));
            ASSERT_NE(client->connection.send(chain), SendState::failed);
        }
        const auto is_complete = [&] {
            return std::all_of(clients.begin(), clients.end(), [&](const auto& client) {
                return client->received.size() == static_cast<size_t>(round) * 700 &&
                       !client->connection.is_sending();
            });
        };
        ASSERT_TRUE(until(is_complete));
    }
    for (const auto& client : clients) EXPECT_EQ(client->received.substr(700, 700), pattern(700, 2));
    for (auto* group : {&clients, &servers})
        for (auto& one : *group) {
            one->connection.close();
            loop->bury(one.release());
        }
    settle();
}

}  // namespace
}  // namespace sluice::event
