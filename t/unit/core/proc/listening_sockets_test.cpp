// Listening sockets: what is inherited, claimed, kept and closed.
#include "core/proc/listening_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "core/log/fixture.h"

namespace sluice::proc {
namespace {

using log::test::Capture;
using log::test::Folder;

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address ipv4(const char* host, uint16_t port) {
    Address address;
    auto* at = reinterpret_cast<sockaddr_in*>(&address.storage);
    at->sin_family = AF_INET;
    at->sin_port = htons(port);
    ::inet_pton(AF_INET, host, &at->sin_addr);
    address.length = sizeof *at;
    return address;
}

Address ipv6(const char* host, uint16_t port) {
    Address address;
    auto* at = reinterpret_cast<sockaddr_in6*>(&address.storage);
    at->sin6_family = AF_INET6;
    at->sin6_port = htons(port);
    ::inet_pton(AF_INET6, host, &at->sin6_addr);
    address.length = sizeof *at;
    return address;
}

Address unix_socket(const std::string& path) {
    Address address;
    auto* at = reinterpret_cast<sockaddr_un*>(&address.storage);
    at->sun_family = AF_UNIX;
    path.copy(at->sun_path, sizeof at->sun_path - 1);
    address.length = sizeof *at;
    return address;
}

UniqueFd bound(const Address& address, int type = SOCK_STREAM) {
    UniqueFd fd(::socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), address.get(), address.length), 0);
    if (type == SOCK_STREAM) ::listen(fd.get(), 5);
    return fd;
}

/// The address that the system chose.
Address name_of(int fd) {
    Address address;
    address.length = sizeof address.storage;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    return address;
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(ListeningSockets, AreClaimedOnceByAddressAndType) {
    ListeningSockets sockets;
    const Address one = ipv4("127.0.0.1", 8001);
    const int first = sockets.add(one.get(), one.length, SOCK_STREAM, UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)));
    const int second = sockets.add(one.get(), one.length, SOCK_STREAM, UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)));
    const Address six = ipv6("::1", 8001);
    const int third = sockets.add(six.get(), six.length, SOCK_STREAM, UniqueFd(::socket(AF_INET6, SOCK_STREAM, 0)));
    sockets.begin();
    for (const Address& other :
         {ipv4("127.0.0.1", 8002), ipv4("127.0.0.2", 8001), ipv6("::2", 8001), ipv6("::1", 8002)})
        EXPECT_EQ(sockets.claim(other.get(), other.length, SOCK_STREAM), -1);
    EXPECT_EQ(sockets.claim(one.get(), one.length, SOCK_DGRAM), -1);
    EXPECT_EQ(sockets.claim(one.get(), one.length, SOCK_STREAM), first);
    EXPECT_EQ(sockets.claim(one.get(), one.length, SOCK_STREAM), second) << "reuseport: several of one address";
    EXPECT_EQ(sockets.claim(one.get(), one.length, SOCK_STREAM), -1);
    EXPECT_EQ(sockets.claim(six.get(), six.length, SOCK_STREAM), third);
}

TEST(ListeningSockets, CommitClosesWhatNobodyClaimed) {
    const Folder folder;
    const Capture capture;
    ListeningSockets sockets;
    const Address kept = unix_socket(folder.path("kept"));
    const Address gone = unix_socket(folder.path("gone"));
    const int kept_fd = sockets.add(kept.get(), kept.length, SOCK_STREAM, bound(kept));
    const int gone_fd = sockets.add(gone.get(), gone.length, SOCK_STREAM, bound(gone));
    sockets.commit(Log(&capture));
    sockets.begin();
    EXPECT_EQ(sockets.claim(kept.get(), kept.length, SOCK_STREAM), kept_fd);
    sockets.commit(Log(&capture));
    EXPECT_TRUE(is_open(kept_fd));
    EXPECT_FALSE(is_open(gone_fd));
    EXPECT_EQ(::access(folder.path("kept").c_str(), F_OK), 0);
    EXPECT_NE(::access(folder.path("gone").c_str(), F_OK), 0);
    EXPECT_EQ(sockets.size(), 1U);
    sockets.close_all(Log(&capture), false);
    EXPECT_FALSE(is_open(kept_fd));
    EXPECT_EQ(::access(folder.path("kept").c_str(), F_OK), 0) << "somebody else uses it";
    EXPECT_TRUE(capture.lines.empty());
}

TEST(ListeningSockets, RollBackClosesWhatWasAdded) {
    const Folder folder;
    const Capture capture;
    ListeningSockets sockets;
    const Address old = unix_socket(folder.path("old"));
    const Address added = unix_socket(folder.path("added"));
    const int old_fd = sockets.add(old.get(), old.length, SOCK_STREAM, bound(old));
    sockets.commit(Log(&capture));
    sockets.begin();
    const int added_fd = sockets.add(added.get(), added.length, SOCK_STREAM, bound(added));
    sockets.roll_back(Log(&capture));
    EXPECT_TRUE(is_open(old_fd));
    EXPECT_FALSE(is_open(added_fd));
    EXPECT_EQ(::access(folder.path("old").c_str(), F_OK), 0);
    EXPECT_NE(::access(folder.path("added").c_str(), F_OK), 0);
    sockets.drop_unclaimed();
    EXPECT_TRUE(is_open(old_fd)) << "a worker of the old configuration still wants it";
}

TEST(ListeningSockets, AreInheritedInNginxsFormat) {
    const Folder folder;
    const Capture capture;
    const UniqueFd tcp = bound(ipv4("127.0.0.1", 0));
    const UniqueFd udp = bound(ipv6("::1", 0), SOCK_DGRAM);
    const UniqueFd local = bound(unix_socket(folder.path("s")));
    const std::string names =
        std::to_string(tcp.get()) + ";" + std::to_string(udp.get()) + ";" + std::to_string(local.get()) + ";";
    ::setenv("NGINX", names.c_str(), 1);
    ListeningSockets sockets;
    EXPECT_TRUE(sockets.inherit(Log(&capture)));
    EXPECT_EQ(std::getenv("NGINX"), nullptr);
    EXPECT_EQ(sockets.descriptors().text(), names);
    sockets.begin();
    const Address tcp_name = name_of(tcp.get());
    const Address udp_name = name_of(udp.get());
    const Address local_name = unix_socket(folder.path("s"));
    EXPECT_EQ(sockets.claim(tcp_name.get(), tcp_name.length, SOCK_STREAM), tcp.get());
    EXPECT_EQ(sockets.claim(udp_name.get(), udp_name.length, SOCK_DGRAM), udp.get());
    EXPECT_EQ(sockets.claim(local_name.get(), local_name.length, SOCK_STREAM), local.get());
    EXPECT_NE(::fcntl(tcp.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(tcp.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(capture.lines.size(), 1U);
    EXPECT_NE(capture.lines[0].find("using inherited sockets from \"" + names + "\""), std::string::npos);
    sockets.descriptors().keep_on_exec();
    EXPECT_EQ(::fcntl(tcp.get(), F_GETFD) & FD_CLOEXEC, 0);
    ListeningSockets nothing;
    EXPECT_FALSE(nothing.inherit(Log(&capture)));
    // The descriptors belong to the registry now: let it have copies of what this test closes itself.
    static_cast<void>(const_cast<UniqueFd&>(tcp).release());
    static_cast<void>(const_cast<UniqueFd&>(udp).release());
    static_cast<void>(const_cast<UniqueFd&>(local).release());
}

TEST(ListeningSockets, NonsenseIsNotInherited) {
    const UniqueFd file(::open("/dev/null", O_RDONLY));
    const std::string number = std::to_string(file.get());
    const std::pair<std::string, std::string> vectors[] = {
        {"x;", "invalid socket number \"x;\" in NGINX environment variable, ignoring the rest of the variable"},
        {"5", "invalid socket number \"5\" in NGINX environment variable, ignoring the rest of the variable"},
        {"-1;", "invalid socket number \"-1;\" in NGINX environment variable, ignoring the rest of the variable"},
        {"99999999999;",
         "invalid socket number \"99999999999;\" in NGINX environment variable, ignoring the rest of the variable"},
        {number + ";",
         "getsockname() of the inherited socket #" + number + " failed (88: Socket operation on non-socket)"},
        {"1000;", "getsockname() of the inherited socket #1000 failed (9: Bad file descriptor)"},
    };
    for (const auto& [names, message] : vectors) {
        const Capture capture(LogLevel::emerg);
        ::setenv("NGINX", names.c_str(), 1);
        ListeningSockets sockets;
        EXPECT_TRUE(sockets.inherit(Log(&capture)));
        EXPECT_EQ(sockets.size(), 0U) << names;
        ASSERT_EQ(capture.lines.size(), 1U) << names;
        EXPECT_TRUE(capture.lines[0].ends_with(message)) << capture.lines[0];
    }
    EXPECT_TRUE(is_open(file.get()));
    ::unsetenv("NGINX");
}

}  // namespace
}  // namespace sluice::proc
