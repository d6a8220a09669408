// Syslog: parameters as nginx judges them, datagrams byte for byte, and peers that are slow or gone.
#include "core/log/syslog.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include "core/log/clock.h"
#include "core/log/error_log.h"
#include "core/log/open_files.h"
#include "core/log/process.h"
#include "fixture.h"

namespace sluice::log::test {
namespace {

std::string fault(Text parameters) {
    Result<std::unique_ptr<Syslog>> syslog = Syslog::parse(parameters);
    return syslog ? "" : syslog.error().text;
}

TEST(SyslogParameters, AreJudgedAsNginxDoes) {
    const std::string long_path = "unix:/" + std::string(120, 'a');
    const std::pair<std::string, std::string> vectors[] = {
        {"", "unknown syslog parameter \"\""},
        {"server=", "no host in syslog server \"\""},
        {"server=1.2.3.4,server=1.2.3.4", "duplicate syslog \"server\""},
        {"server=1.1.1.1,facility=foo", "unknown syslog facility \"foo\""},
        {"server=1.1.1.1,facility=local1,facility=local2", "duplicate syslog \"facility\""},
        {"server=1.1.1.1,severity=foo", "unknown syslog severity \"foo\""},
        {"server=1.1.1.1,severity=info,severity=info", "duplicate syslog \"severity\""},
        {"server=1.1.1.1,tag=a-b", "syslog \"tag\" only allows alphanumeric characters and underscore"},
        {"server=1.1.1.1,tag=" + std::string(33, 'a'), "syslog tag length exceeds 32"},
        {"server=1.1.1.1,tag=a,tag=b", "duplicate syslog \"tag\""},
        {"server=1.1.1.1,foo=a", "unknown syslog parameter \"foo=a\""},
        {"server=1.1.1.1,", "unknown syslog parameter \"\""},
        {"server=1.1.1.1:999999", "invalid port in syslog server \"1.1.1.1:999999\""},
        {"server=1.1.1.1:0", "invalid port in syslog server \"1.1.1.1:0\""},
        {"server=unix:", "no path in the unix domain socket in syslog server \"unix:\""},
        {"server=" + long_path, "too long path in the unix domain socket in syslog server \"" + long_path + "\""},
        {"nohostname", "no syslog server specified"},
        {"server=1.1.1.1,tag=", ""},
        {"server=[::1]:514,nohostname,nohostname", ""},
        {"server=[::1]", ""},
        {"server=unix:/dev/log,facility=cron,severity=emerg,tag=A_9", ""},
    };
    for (const auto& [parameters, message] : vectors) EXPECT_EQ(fault(parameters), message) << parameters;
}

/// A receiver of datagrams on loopback.
class UdpPeer {
 public:
    UdpPeer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    std::string server() const { return "server=127.0.0.1:" + std::to_string(port_); }
    std::string receive() const {
        pollfd waiting{fd_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 5000) != 1) return "nothing came";
        char room[4096];
        const ssize_t size = ::recv(fd_.get(), room, sizeof room, 0);
        return {room, static_cast<size_t>(size)};
    }

 private:
    UniqueFd fd_;
    uint16_t port_ = 0;
};

class UnixPeer {
 public:
    explicit UnixPeer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    std::string receive() const {
        pollfd waiting{fd_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 5000) != 1) return "nothing came";
        char room[4096];
        const ssize_t size = ::recv(fd_.get(), room, sizeof room, 0);
        return {room, static_cast<size_t>(size)};
    }

 private:
    UniqueFd fd_;
};

std::string own_hostname() {
    char room[256] = {};
    ::gethostname(room, sizeof room - 1);
    return room;
}

TEST(Syslog, DatagramIsRfc3164AsNginxSendsIt) {
    const UdpPeer peer;
    const Capture capture;
    Clock::update(1769860800000);
    auto plain = Syslog::parse(peer.server());
    ASSERT_TRUE(plain);
    (*plain)->send("GET / 200", Log(&capture));
    EXPECT_EQ(peer.receive(),
              "<190>" + std::string(Clock::syslog_time()) + " " + own_hostname() + " nginx: GET / 200");

    auto full = Syslog::parse(peer.server() + ",facility=cron,severity=crit,tag=web_1,nohostname");
    ASSERT_TRUE(full);
    (*full)->send("x", Log(&capture));
    EXPECT_EQ(peer.receive(), "<122>" + std::string(Clock::syslog_time()) + " web_1: x");
    (*full)->send(LogLevel::emerg, "y", Log(&capture));
    EXPECT_EQ(peer.receive(), "<120>" + std::string(Clock::syslog_time()) + " web_1: y");
    EXPECT_TRUE(capture.lines.empty());
    Clock::update();
}

TEST(Syslog, ErrorLogLineKeepsItsOwnTimeAndSeverity) {
    const UdpPeer peer;
    const Folder folder;
    OpenFiles files;
    ErrorLog route;
    const std::string word = "syslog:" + peer.server() + ",nohostname,severity=debug";
    const std::vector<Text> words{word, "info"};
    ASSERT_TRUE(add_target(route, words, {files, "/"}));
    Clock::update(1769860800000);
    Log log(&route);
    log.info("client closed connection");
    const std::string id = std::to_string(::getpid());
    EXPECT_EQ(peer.receive(), "<190>" + std::string(Clock::syslog_time()) +
                                  " nginx: " + std::string(Clock::error_log_time()) + " [info] " + id + "#" + id +
                                  ": client closed connection");
    Clock::update();
}

TEST(Syslog, DaemonThatComesBackIsFoundAgain) {
    const Folder folder;
    const Capture capture;
    auto syslog = Syslog::parse("server=unix:" + folder.path("log") + ",nohostname");
    ASSERT_TRUE(syslog);
    (*syslog)->send("lost", Log(&capture));
    ASSERT_EQ(capture.lines.size(), 1U);
    EXPECT_NE(capture.lines[0].find("connect() failed while logging to syslog, server: unix:" + folder.path("log") +
                                    " (2: No such file or directory)"),
              std::string::npos)
        << capture.lines[0];
    {
        const UnixPeer peer(folder.path("log"));
        (*syslog)->send("one", Log(&capture));
        EXPECT_TRUE(peer.receive().ends_with("nginx: one"));
    }
    ::unlink(folder.path("log").c_str());
    const UnixPeer peer(folder.path("log"));
    (*syslog)->send("lost with the old socket", Log(&capture));
    (*syslog)->send("two", Log(&capture));
    EXPECT_TRUE(peer.receive().ends_with("nginx: two"));
    EXPECT_EQ(capture.lines.size(), 1U) << "one complaint a minute";
}

TEST(Syslog, PeerThatDoesNotReadHoldsNobodyUp) {
    const Folder folder;
    const Capture capture;
    const UnixPeer peer(folder.path("log"));
    auto syslog = Syslog::parse("server=unix:" + folder.path("log"));
    ASSERT_TRUE(syslog);
    for (int i = 0; i < 2000; ++i) (*syslog)->send("line", Log(&capture));  // its queue takes 10 to some hundred
    EXPECT_TRUE(capture.lines.empty());
}

TEST(Syslog, ComplaintDoesNotGoInCircles) {
    const Folder folder;
    OpenFiles files;
    ErrorLog route;
    const std::string word = "syslog:server=unix:" + folder.path("absent");
    const std::string file = folder.path("e.log");
    ASSERT_TRUE(add_target(route, std::vector<Text>{word, "info"}, {files, "/"}));
    ASSERT_TRUE(add_target(route, std::vector<Text>{file, "info"}, {files, "/"}));
    ASSERT_TRUE(files.open());
    set_echo_to_stderr(false);
    Log(&route).error(0, "first");
    set_echo_to_stderr(true);
    const std::string text = folder.read("e.log");
    EXPECT_NE(text.find("while logging to syslog"), std::string::npos);
    EXPECT_NE(text.find("first"), std::string::npos);
}

}  // namespace
}  // namespace sluice::log::test
