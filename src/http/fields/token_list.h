// Lists in field values (RFC 9110 §5.6.1): elements between commas. And what a Connection field lists.
#pragma once

#include <optional>

#include "core/base/text.h"

namespace sluice::http {

/// Takes the next element off a comma-separated list, without white space around it; empty elements are skipped,
/// quoted strings are not understood. Nothing at the end.
std::optional<Text> next_element(Text& rest);

/// True if `list` has that element, in any case.
bool has_element(Text list, Text element);

/// What a Connection field says (RFC 9110 §7.6.1). Merge several fields with add_connection().
struct ConnectionOptions {
    bool has_close = false;
    bool has_keep_alive = false;
    bool has_upgrade = false;
    bool has_other = false;  ///< names fields that a proxy must not forward: walk next_element() to learn which
};

/// Adds what one Connection field of a message says.
void add_connection(ConnectionOptions& options, Text value);

enum class Expectation : uint8_t { none, continue_100, unknown };

/// An Expect field (RFC 9110 §10.1.1): `100-continue` in any case; anything else may be answered 417, nginx ignores
/// it.
Expectation parse_expect(Text value);

/// The value of a cookie in a Cookie field, by name in any case ($cookie_name). Not decoded, quotes kept.
std::optional<Text> find_cookie(Text field, Text name);

}  // namespace sluice::http
