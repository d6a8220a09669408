// A line of the error log as one JSON object (`error_log FILE LEVEL json`).
//   {"time":"2026-01-31T12:00:00+00:00","level":"error","pid":71,"tid":71,"connection":5,"message":"open() …",…}
#pragma once

#include <span>

#include "core/log/line_parts.h"
#include "core/log/log.h"

namespace sluice::log {

/// Room for any line: each byte of it may become six.
constexpr size_t kLongestJsonLine = 6 * Log::kLongestLine + 512;

/// Writes the object, without a newline, into `room`, which has kLongestJsonLine bytes. Always valid JSON in UTF-8: a
/// byte that is none is written as `\xFF` would be in text.
Text write_json_line(std::span<char> room, LogLevel level, const LineParts& parts);

}  // namespace sluice::log
