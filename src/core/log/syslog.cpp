// Syslog: the parameters, the RFC 3164 header, and sending without ever waiting.
#include "core/log/syslog.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "core/log/clock.h"

namespace sluice::log {

namespace {

constexpr std::array<Text, 24> kFacilities{"kern",   "user",   "mail",   "daemon", "auth",     "intern",
                                           "lpr",    "news",   "uucp",   "clock",  "authpriv", "ftp",
                                           "ntp",    "audit",  "alert",  "cron",   "local0",   "local1",
                                           "local2", "local3", "local4", "local5", "local6",   "local7"};
constexpr std::array<Text, 8> kSeverities{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"};
constexpr unsigned kLocal7 = 23;
constexpr unsigned kInfo = 6;
constexpr size_t kLongestTag = 32;
constexpr uint64_t kDefaultPort = 514;
constexpr int64_t kComplaintSeconds = 60;

template <size_t Size>
unsigned index_of(const std::array<Text, Size>& names, Text name) {
    unsigned i = 0;
    while (i < Size && names[i] != name) ++i;
    return i;
}

Error error_about(Text what, Text value) {
    return Error(std::string(what) + " \"" + std::string(value) + "\"");
}

/// This machine's name, asked for once; cut where a domain name may not go on.
const std::string& hostname() {
    static const std::string name = [] {
        char room[256] = {};
        if (::gethostname(room, sizeof room - 1) != 0) return std::string("localhost");
        return std::string(room);
    }();
    return name;
}

/// "host", "host:port", "[ipv6]", "[ipv6]:port" as its two parts; an empty port where there is none.
bool split_host(Text server, Text& host, Text& port) {
    if (server.starts_with('[')) {
        const size_t end = server.find(']');
        if (end == Text::npos) return false;
        host = server.substr(1, end - 1);
        port = server.substr(end + 1);
        if (!port.empty() && port.front() != ':') return false;
    } else {
        const size_t colon = server.find(':');
        host = server.substr(0, colon);
        port = colon == Text::npos ? Text{} : server.substr(colon);
    }
    return true;
}

}  // namespace

Result<std::unique_ptr<Syslog>> Syslog::parse(Text parameters) {
    std::unique_ptr<Syslog> syslog(new Syslog);
    bool is_last = false;
    while (!is_last) {
        is_last = parameters.find(',') == Text::npos;
        if (Result<void> taken = syslog->take(text::split_off(parameters, ',')); !taken) return taken.error();
    }
    if (syslog->server_.empty()) return Error("no syslog server specified");
    if (syslog->facility_ == kUnset) syslog->facility_ = kLocal7;
    if (syslog->severity_ == kUnset) syslog->severity_ = kInfo;
    if (!syslog->has_tag_) syslog->tag_ = "nginx";
    return syslog;
}

Result<void> Syslog::take(Text parameter) {
    const size_t equals = parameter.find('=');
    const Text name = equals == Text::npos ? parameter : parameter.substr(0, equals + 1);
    const Text value = parameter.substr(name.size());
    if (name == "server=") return take_server(value);
    if (name == "facility=") return take_facility(value);
    if (name == "severity=") return take_severity(value);
    if (name == "tag=") return take_tag(value);
    if (parameter == "nohostname") {
        has_hostname_ = false;
        return {};
    }
    return error_about("unknown syslog parameter", parameter);
}

Result<void> Syslog::take_server(Text server) {
    if (length_ != 0) return Error("duplicate syslog \"server\"");
    server_ = server;
    constexpr Text kUnix = "unix:";
    if (server.starts_with(kUnix)) {
        const Text path = server.substr(kUnix.size());
        auto* local = reinterpret_cast<sockaddr_un*>(&address_);
        if (path.empty()) return error_about("no path in the unix domain socket in syslog server", server);
        if (path.size() >= sizeof local->sun_path)
            return error_about("too long path in the unix domain socket in syslog server", server);
        local->sun_family = AF_UNIX;
        std::memcpy(local->sun_path, path.data(), path.size());
        length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
        return {};
    }
    Text host;
    Text port_text;
    if (!split_host(server, host, port_text)) return error_about("invalid host in syslog server", server);
    if (host.empty()) return error_about("no host in syslog server", server);
    const uint64_t port = port_text.empty() ? kDefaultPort : text::parse_uint(port_text.substr(1)).value_or(0);
    if (port == 0 || port > 65535) return error_about("invalid port in syslog server", server);

    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const std::string name(host);
    if (::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found) != 0 || found == nullptr)
        return error_about("host not found in syslog server", server);
    std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
    length_ = found->ai_addrlen;
    ::freeaddrinfo(found);
    return {};
}

Result<void> Syslog::take_facility(Text name) {
    if (facility_ != kUnset) return Error("duplicate syslog \"facility\"");
    facility_ = index_of(kFacilities, name);
    if (facility_ == kFacilities.size()) return error_about("unknown syslog facility", name);
    return {};
}

Result<void> Syslog::take_severity(Text name) {
    if (severity_ != kUnset) return Error("duplicate syslog \"severity\"");
    severity_ = index_of(kSeverities, name);
    if (severity_ == kSeverities.size()) return error_about("unknown syslog severity", name);
    return {};
}

Result<void> Syslog::take_tag(Text tag) {
    if (has_tag_) return Error("duplicate syslog \"tag\"");
    if (tag.size() > kLongestTag) return Error("syslog tag length exceeds 32");
    for (const char c : tag)
        if (!text::is_alpha(c) && !text::is_digit(c) && c != '_')
            return Error("syslog \"tag\" only allows alphanumeric characters and underscore");
    tag_ = tag;
    has_tag_ = true;
    return {};
}

void Syslog::send(LogLevel level, Text line, const Log& log) {
    const auto number = static_cast<unsigned>(level);
    send(number == 0 ? 0 : number - 1, line, log);
}

void Syslog::send(unsigned severity, Text line, const Log& log) {
    char room[400];
    TextBuilder header(room);
    header.add('<', facility_ * 8 + severity, '>', Clock::syslog_time(), ' ');
    if (has_hostname_) header.add(hostname(), ' ');
    header.add(tag_, ": ");
    if (!socket_ && !connect()) return complain(log, "connect()", errno);

    const Text text = header.text();
    iovec pieces[2] = {{const_cast<char*>(text.data()), text.size()}, {const_cast<char*>(line.data()), line.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    if (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    const int number = errno;
    if (number == EAGAIN || number == EWOULDBLOCK) return;
    // A daemon that was restarted has a new socket: connect again for the next line.
    socket_.reset();
    complain(log, "send()", number);
}

bool Syslog::connect() {
    socket_.reset(::socket(address_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return false;
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address_), length_) == 0) return true;
    const int number = errno;
    socket_.reset();
    errno = number;
    return false;
}

void Syslog::complain(const Log& log, Text what, int number) {
    const int64_t second = Clock::unix_seconds();
    if (second - complained_at_ < kComplaintSeconds) return;
    complained_at_ = second;  // before the line is written: it may come back here
    log.error(number, what, " failed while logging to syslog, server: ", server_);
}

}  // namespace sluice::log
