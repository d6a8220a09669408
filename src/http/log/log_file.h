// LogFile: a worker's end of an access log. Lines gather in a buffer and are written once per turn of the loop, or
// as `buffer=`, `flush=` and `gzip=` say. What a worker has not written when it leaves or reopens, it writes then.
#pragma once

#include <memory>

#include "core/base/list.h"
#include "core/base/units.h"
#include "core/log/open_files.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::log {

class Line;

/// The parameters of `access_log FILE FORMAT …`; a size of 0: once per turn.
struct Buffering {
    Bytes size;
    Msec flush;    ///< 0: only when it is full
    int gzip = 0;  ///< level; 0: plain text
    bool operator==(const Buffering&) const = default;
};

/// One for each path in a generation. Made while the configuration is read; used in workers only.
class LogFile final : public sluice::log::Flusher {
 public:
    /// `file` lives longer.
    explicit LogFile(sluice::log::File& file);
    ~LogFile();

    const sluice::log::File& file() const { return file_; }
    /// Taken from the first `access_log` of this path that has any; false: another one said otherwise.
    bool use(const Buffering& buffering);

    void append(const Line& line, Request& request);
    /// Writes what there is.
    void flush() override;
    /// Writes what this worker's files still hold, and lets go of the loop.
    static void leave();

 private:
    class Buffer;

    sluice::log::File& file_;
    Buffering buffering_;
    std::unique_ptr<Buffer> buffer_;  ///< made by the first line
};

}  // namespace sluice::http::log
