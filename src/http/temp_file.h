// Temporary files of request and response bodies, below the folders that *_temp_path directives name.
#pragma once

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "http/conf/location_conf.h"

namespace sluice::http {

struct TempFile {
    UniqueFd fd;
    Text path;  ///< null-terminated in the arena
};

/// Makes a file of mode 0600 with a name that nobody else has; missing folders are made (0700).
Result<TempFile> open_temp_file(Arena& arena, const TempPath& where, bool is_permanent);
/// Removes the file when the arena ends.
void remove_at_end(Arena& arena, Text path);

}  // namespace sluice::http
