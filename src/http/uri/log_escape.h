// Escaping of values in an access log: `escape=default` and `escape=json` of log_format.
#pragma once

#include <span>

#include "core/base/text.h"

namespace sluice::http::uri {

/// `escape=default`: `"`, `\` and bytes outside 0x20 to 0x7e become `\xXX`. Sizes as with uri::escape().
size_t log_escaped_size(Text source);
Text log_escape(Text source, std::span<char> out);

/// `escape=json`: what RFC 8259 §7 wants escaped in a string; bytes from 0x7f on stay.
size_t json_escaped_size(Text source);
Text json_escape(Text source, std::span<char> out);

}  // namespace sluice::http::uri
