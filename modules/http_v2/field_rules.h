// What RFC 9113 §8.2 asks of a field, wherever it stands: a message that breaks one of these rules is malformed.
#pragma once

#include <cstdint>

#include <sluice/core/base/text.h>
#include <sluice/http/fields/known_header.h>

namespace sluice::http2 {

enum class NameForm : uint8_t {
    plain,        ///< lower-case letters, digits, hyphens
    underscored,  ///< with underscores besides
    unusual,      ///< a token of RFC 9110 §5.6.2 all the same
    invalid,      ///< no token, or with capitals (§8.2.1)
};
NameForm form_of(Text name);

/// False: it has control characters other than tabs, or white space at its ends (§8.2.1).
bool is_value(Text value);
/// As is_value(), but without any white space: pseudo-header fields (§8.3.1).
bool is_pseudo_value(Text value);
/// A name that speaks of the connection, which HTTP/2 does by frames (§8.2.2).
bool is_of_connection(http::KnownHeader known);
/// False: the field belongs to HTTP/1, or is a TE that asks for more than trailers (§8.2.2).
bool is_allowed(http::KnownHeader known, Text value);

}  // namespace sluice::http2
