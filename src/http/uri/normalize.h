// Turns the path of a request target into the path that locations and files are looked up with (RFC 3986 §6.2.2):
// percent-decoded, dot segments resolved, slashes merged, never leaving the root.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/text.h"

namespace sluice::http::uri {

enum class PathError : uint8_t {
    none,
    bad_escape,  ///< `%` without two hexadecimal digits
    nul,         ///< `%00` or a NUL byte
    above_root,  ///< more `..` than segments before it
};

struct NormalPath {
    Text path;  ///< begins with `/`; lies in the caller's buffer; may hold any byte but NUL, for example `?` from
                ///< `%3F`
    PathError error = PathError::none;  ///< each is 400 `client sent invalid request`

    bool ok() const { return error == PathError::none; }
};

/// Normalises `path`, which begins with `/` or is empty (then the result is `/`) and holds neither arguments nor a
/// fragment. As nginx does: an escaped slash or dot counts as one, an escaped `%`, `?` or `#` is data. `out` needs
/// room for path.size() + 1 bytes and must not overlap `path`.
NormalPath normalize_path(Text path, bool merge_slashes, std::span<char> out);

/// What stands behind the last dot of the last segment, as nginx sees it: leading dots of a segment begin no
/// extension. Empty when there is none.
Text extension_of(Text path);

/// A URI that comes from a response or a module (X-Accel-Redirect, SSI, Destination), cut at its `?`.
struct UnsafeUri {
    Text path;             ///< as given, or decoded in the caller's buffer
    Text args;             ///< without the `?`
    bool is_safe = false;  ///< false: empty, with a NUL or a `..` segment, or wrongly escaped: nginx logs
                           ///< `unsafe URI "…" was detected`
};

/// Splits and decodes `value`, resolving nothing: a `..` segment makes it unsafe. `out` needs room for value.size()
/// bytes; it is used only when there is something to decode.
UnsafeUri split_unsafe_uri(Text value, std::span<char> out);

}  // namespace sluice::http::uri
