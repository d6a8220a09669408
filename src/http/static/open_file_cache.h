// OpenFileCache: what a worker remembers of files: open descriptors, sizes and times, folders, and errors. Each
// directive has one of its own, which all that inherit it share.
//   open_file_cache max=1000 inactive=20s;  open_file_cache_valid 30s;  open_file_cache_min_uses 2;
//   open_file_cache_errors on;
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "http/static/file_lookup.h"
#include "http/static/path_table.h"

namespace sluice::http {

class OpenFileCache {
 public:
    /// Settings of the one who asks.
    struct Rules {
        Msec valid{60'000};         ///< how long what was seen is believed
        uint32_t min_uses = 1;      ///< uses from which on a file stays open
        bool keeps_errors = false;  ///< that a file is not there, or may not be read, is remembered, too
    };

    /// `max`: entries, at least 1. `inactive`: how long one stays that nobody asks for.
    OpenFileCache(uint32_t max, Msec inactive) : max_(max), inactive_(inactive) {}
    OpenFileCache(const OpenFileCache&) = delete;
    ~OpenFileCache();

    /// Answers from memory where it may, else from the file system. `hash` is text::hash(query.path); `now` never
    /// goes back. Counts as one use.
    OpenFile find(const FileQuery& query, uint64_t hash, const Rules& rules, Msec now);

    size_t size() const { return entries_.size(); }

 private:
    struct Entry;

    Entry& make(const FileQuery& query, uint64_t hash);
    void drop(Entry& entry);
    void drop_inactive(Msec now);
    OpenFile refresh(Entry& entry, const FileQuery& query, const Rules& rules, Msec now);

    const uint32_t max_;
    const Msec inactive_;
    PathTable<Entry> entries_;
};

}  // namespace sluice::http
