// Gzip: compresses each buffer of a log into a gzip member of its own; members one behind the other are a valid file
// (RFC 1952 §2.2).
#pragma once

#include <memory>

#include "core/base/text.h"
#include "core/log/log.h"

namespace sluice::http::log {

class Gzip {
 public:
    /// `level` 1 to 9; `usual` is the usual size of a text, by which the window is chosen.
    Gzip(int level, size_t usual);
    ~Gzip();

    /// One whole member; valid until the next call. Empty when it failed, which is told to `log`.
    Text compress(Text plain, const Log& log);

 private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<char[]> room_;
    size_t room_size_ = 0;
};

}  // namespace sluice::http::log
