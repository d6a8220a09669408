// Basic credentials of an Authorization header (RFC 7617 §2).
#pragma once

#include <optional>

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::http {

struct BasicCredentials {
    Text user;
    Text password;
};

/// What a value such as "Basic dXNlcjpwYXNz" says, in memory of the arena; nothing when the scheme is another, or
/// what follows is no base64 of a text with a colon.
std::optional<BasicCredentials> parse_basic_auth(Arena& arena, Text value);

}  // namespace sluice::http
