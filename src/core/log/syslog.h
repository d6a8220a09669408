// Syslog: lines as RFC 3164 datagrams over UDP or a unix socket; for `error_log` and `access_log`.
//   error_log syslog:server=unix:/dev/log,facility=local7,tag=nginx,severity=info,nohostname;
#pragma once

#include <memory>
#include <string>

#include <sys/socket.h>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::log {

class Syslog {
 public:
    /// Reads what stands behind "syslog:", with nginx's wording of errors. Resolves the server's name, which may take
    /// a while; port 514 unless given.
    static Result<std::unique_ptr<Syslog>> parse(Text parameters);

    /// Sends one line (no newline at its end) with the severity that was configured. Never blocks: what the socket
    /// does not take is lost. A failure is told to `log` at most once a minute.
    void send(Text line, const Log& log) { send(severity_, line, log); }
    /// As above, with the severity of `level`.
    void send(LogLevel level, Text line, const Log& log);

 private:
    Syslog() = default;
    Result<void> take(Text parameter);
    Result<void> take_server(Text server);
    Result<void> take_facility(Text name);
    Result<void> take_severity(Text name);
    Result<void> take_tag(Text tag);
    void send(unsigned severity, Text line, const Log& log);
    bool connect();
    void complain(const Log& log, Text what, int number);

    std::string server_;
    sockaddr_storage address_{};
    socklen_t length_ = 0;
    std::string tag_;
    bool has_tag_ = false;
    bool has_hostname_ = true;
    unsigned facility_ = kUnset;
    unsigned severity_ = kUnset;
    UniqueFd socket_;
    int64_t complained_at_ = 0;

    static constexpr unsigned kUnset = ~0U;
};

}  // namespace sluice::log
