// Clock: the wall clock of this process as texts that are built once a second: for error and access logs, `Date`,
// ISO 8601 and syslog. The loop updates it each turn; reading it costs a load.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "core/base/text_builder.h"

namespace sluice::log {

class Clock {
 public:
    /// Takes `unix_msec` (milliseconds since 1970) as the time; rebuilds the texts if the second has changed. Only
    /// the main thread of a process calls it.
    static void update(int64_t unix_msec);
    /// As above, with the system's time.
    static void update();
    /// The variable TZ has changed: local time is another one from now on.
    static void apply_time_zone();

    static int64_t unix_msec();
    static int64_t unix_seconds() { return unix_msec() / 1000; }
    /// Local time minus UTC in minutes, as it was at the last update.
    static int utc_offset_minutes();

    // Texts of the current second; never empty. Each stays as it is for at least 15 further seconds with changes, so
    // that a thread may read it while the main thread updates.

    /// "2026/01/31 12:00:00", local time.
    static Text error_log_time();
    /// "31/Jan/2026:12:00:00 +0000", local time ($time_local).
    static Text access_log_time();
    /// "2026-01-31T12:00:00+00:00", local time ($time_iso8601).
    static Text iso8601();
    /// "Sat, 31 Jan 2026 12:00:00 GMT" (IMF-fixdate, RFC 9110 §5.6.7).
    static Text http_date();
    /// "Jan 31 12:00:00", local time, the day padded with a blank (RFC 3164 §4.1.2).
    static Text syslog_time();
    /// Appends "1769860800.123" ($msec).
    static void write_msec(TextBuilder& out);
};

/// Room for any HTTP date.
constexpr size_t kHttpDateSize = sizeof("Sat, 31 Jan 2026 12:00:00 GMT") - 1;

/// Writes the IMF-fixdate of any time (Last-Modified, Expires); years 0 to 9999.
void write_http_date(TextBuilder& out, int64_t unix_seconds);

}  // namespace sluice::log
