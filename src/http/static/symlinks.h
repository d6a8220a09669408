// disable_symlinks: opens a path folder by folder, so that no symbolic link in it is followed.
#pragma once

#include <cstddef>

#include "core/base/text.h"
#include "core/base/unique_fd.h"

namespace sluice::http {

enum class SymlinkCheck : uint8_t { off, on, if_not_owner };

/// What a path may have in it.
struct LinkRules {
    SymlinkCheck check = SymlinkCheck::off;
    size_t trusted = 0;  ///< so much of the path's beginning may hold links; ends behind a part of the path
    bool operator==(const LinkRules&) const = default;
};

/// Opens `path` (absolute) with `flags`. -1 with errno: ELOOP where a link is in the way (`on`) or belongs to
/// somebody else than its target (`if_not_owner`); `failed_call` tells the call.
int open_without_links(Text path, const LinkRules& rules, int flags, Text& failed_call);

}  // namespace sluice::http
