// Escaping and unescaping of URIs and of HTML. Sizes first, so that the caller can take exactly the memory needed and
// none when nothing needs escaping.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/text.h"

namespace sluice::http::uri {

/// Which bytes are written as `%XX`. Control characters and bytes from 0x7f on always are, but for memcached, where
/// bytes from 0x7f on stay.
enum class Escape : uint8_t {
    path,       ///< space " # % < > ? \ ^ ` { | }
    args,       ///< those, & + and ;
    component,  ///< all but letters, digits and - . _ ~ (RFC 3986 §2.3)
    html,       ///< space " # % '
    refresh,    ///< space " ' < > \ ^ ` { | }
    memcached,  ///< space %
    target,     ///< space: what would end a request target that is complete otherwise; no byte above 0x7f
};

/// Bytes that escape() writes; source.size() when there is nothing to escape.
size_t escaped_size(Text source, Escape set);

/// Writes `source` escaped (upper-case digits) into `out`, which has room for escaped_size(); returns what was
/// written, or `source` itself, leaving `out` alone, when there is nothing to escape.
Text escape(Text source, Escape set, std::span<char> out);

/// Decodes every `%XX`; a `%` that begins none stays as it is. `out` needs room for source.size() bytes; it may be
/// the source's own memory.
Text unescape(Text source, std::span<char> out);

/// The byte that the `%XX` at the front of `rest` stands for; -1 when its two hexadecimal digits are not there.
int decode_escape(Text rest);

/// As above for HTML: `<` `>` `&` `"` become character references.
size_t escaped_html_size(Text source);
Text escape_html(Text source, std::span<char> out);

}  // namespace sluice::http::uri
