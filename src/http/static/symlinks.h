// disable_symlinks: opens a path folder by folder, so that no symbolic link in it is followed.
#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "http/conf/location_conf.h"

namespace sluice::http {

/// Opens `path` (absolute) with `flags`; its first `trusted` bytes may hold links. -1 with errno: ELOOP where a link
/// is in the way (`on`) or belongs to somebody else than its target (`if_not_owner`).
int open_without_links(Text path, SymlinkCheck check, size_t trusted, int flags);

}  // namespace sluice::http
