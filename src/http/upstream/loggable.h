// What an upstream sent, for log lines: it must not look like more of them, nor move a terminal's cursor.
#pragma once

#include "core/base/arena.h"
#include "http/uri/log_escape.h"

namespace sluice::http::upstream {

/// As `escape=default` of log_format; in the arena, or the bytes themselves.
inline Text loggable(Arena& arena, Text bytes) {
    const size_t size = uri::log_escaped_size(bytes);
    return size == bytes.size() ? bytes : uri::log_escape(bytes, arena.make_bytes(size));
}

}  // namespace sluice::http::upstream
