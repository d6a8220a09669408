// OpenLogs: descriptors of logs whose path has variables.
//   access_log logs/$host.log;   open_log_file_cache max=1000 inactive=20s valid=1m min_uses=2;
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include <sys/types.h>

#include "core/base/list.h"
#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/base/units.h"

namespace sluice::http::log {

/// The parameters of `open_log_file_cache`.
struct OpenLogsSettings {
    uint32_t max = 0;
    Msec inactive{10'000};
    Msec valid{60'000};
    uint32_t min_uses = 1;
};

class OpenLogs {
 public:
    explicit OpenLogs(const OpenLogsSettings& settings) : settings_(settings) {}
    ~OpenLogs();

    /// A descriptor for appending to the file; -1 with errno when it can't be opened. It stays the cache's and is
    /// valid until the next call. `now`: the loop's time.
    int open(const char* path, Msec now);

    static UniqueFd open_for_append(const char* path);

 private:
    struct Entry : ListNode<Entry> {
        std::string path;
        UniqueFd fd;  ///< kept from min_uses on
        uint32_t uses = 0;
        Msec used_at;
        Msec checked_at;
        dev_t device = 0;
        ino_t inode = 0;
    };
    Entry& entry_of(Text path);
    void expire(Msec now);
    void drop(Entry& entry);
    static bool is_same_file(const Entry& entry);
    static void remember_file(Entry& entry);

    const OpenLogsSettings settings_;
    std::unordered_map<Text, std::unique_ptr<Entry>> entries_;
    List<Entry, Entry> by_use_;  ///< the longest unused first
    UniqueFd uncached_;
};

}  // namespace sluice::http::log
