// What the directives of http_log become.
#pragma once

#include <memory>
#include <vector>

#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/log/syslog.h"
#include "core/script/complex_value.h"
#include "http/log/format.h"
#include "http/log/log_file.h"
#include "http/log/open_logs.h"

namespace sluice::http::log {

/// One `access_log`. Where it goes: exactly one of `file`, `syslog` and `path`.
struct AccessLog {
    const Format* format = nullptr;
    LogFile* file = nullptr;
    sluice::log::Syslog* syslog = nullptr;
    const script::Complex* path = nullptr;       ///< with variables
    const script::Complex* condition = nullptr;  ///< `if=`; null: always
};

/// The logs of one context.
struct AccessLogs {
    conf::Sequence<AccessLog> all;
    bool is_off = false;
};

/// Level main.
struct LogMain {
    std::vector<std::unique_ptr<Format>> formats;
    std::vector<std::unique_ptr<LogFile>> files;
    AccessLogs fallback;  ///< where no `access_log` stands

    const Format* find_format(Text name) const;
    LogFile& file(sluice::log::OpenFiles& files, Text path);
};

/// Level location.
struct LogLocation {
    Setting<AccessLogs> logs;
    Setting<OpenLogs*> open_logs;  ///< null: off
};

/// Writes the request's line to a log whose path has variables.
void append_to_path(Request& request, const script::Complex& path, OpenLogs* cache, const Line& line);

}  // namespace sluice::http::log
