// The pid file: where the master's number stands, and where it is moved to while a new binary takes over.
#pragma once

#include <string>

#include <sys/types.h>

#include "core/base/result.h"
#include "core/log/log.h"

namespace sluice::proc {

/// Writes this process's number. Errors in nginx's words.
Result<void> write_pid_file(const std::string& path);
/// Removes it, with an `[alert]` when that fails.
void remove_pid_file(const std::string& path, const Log& log);
/// "PATH.oldbin"
std::string old_pid_path(const std::string& path);
/// Renames, with an `[alert]` when that fails.
bool move_pid_file(const std::string& from, const std::string& to, const Log& log);
/// The number in the file. Errors in nginx's words.
Result<pid_t> read_pid_file(const std::string& path);

}  // namespace sluice::proc
