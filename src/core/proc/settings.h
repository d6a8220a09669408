// Settings: what the directives of the main context say about processes, and the parsers for those that are not a
// plain number, text or time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sched.h>
#include <sys/types.h>

#include "core/base/result.h"
#include "core/base/text.h"
#include "core/base/units.h"

namespace sluice::proc {

/// `worker_cpu_affinity`: one mask for each worker, the last one for all further workers; or one CPU each, taken in
/// turn from those that are available.
struct Affinity {
    std::vector<cpu_set_t> masks;
    bool is_auto = false;

    /// The CPUs of worker `index`; nothing when it is not bound.
    std::optional<cpu_set_t> of_worker(unsigned index) const;
    /// nginx's warning about masks and workers that do not match in number; empty when there is nothing to say.
    Text warning(unsigned workers) const;
};

enum class DebugPoints : uint8_t { none, stop, abort };

/// Whom workers run as. Only a root master can change that.
struct User {
    static constexpr uid_t kNoUser = static_cast<uid_t>(-1);
    std::string name;
    uid_t uid = kNoUser;
    gid_t gid = static_cast<gid_t>(-1);
};

struct Settings {
    unsigned worker_processes = 1;
    bool daemon = true;
    bool master_process = true;
    std::string pid_path;   ///< absolute
    std::string lock_path;  ///< absolute
    User user;
    std::string working_directory;  ///< empty: stay
    int priority = 0;
    std::optional<int64_t> rlimit_nofile;
    std::optional<int64_t> rlimit_core;
    Affinity affinity;
    Msec shutdown_timeout{0};              ///< 0: running requests may take as long as they want
    std::vector<std::string> environment;  ///< as written: "NAME" (inherited) or "NAME=value"; TZ is always inherited
    DebugPoints debug_points = DebugPoints::none;
    Msec timer_resolution{0};  ///< accepted; the loop's clock is exact anyway
};

/// `worker_processes auto`: as many as there are CPUs this process may run on.
unsigned available_cpus();

// The words behind the directive; errors in nginx's words.

/// `worker_processes N|auto`
Result<unsigned> parse_worker_processes(Text word);
/// `worker_cpu_affinity MASK ... | auto [MASK]`
Result<Affinity> parse_affinity(std::span<const Text> words);
/// The warning for `user` in a process that is not root, where the directive is not even looked up.
constexpr Text kUserIgnored =
    "the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored";
/// `user USER [GROUP]`: looked up in the system's data bases. `group` is the user's name where none was
/// written, as nginx has it.
Result<User> parse_user(Text name, Text group);
/// `debug_points stop|abort`
Result<DebugPoints> parse_debug_points(Text word);

/// At a defect that was found at run time: stops or aborts the process, as `debug_points` says.
void debug_point(DebugPoints points);

}  // namespace sluice::proc
