// Special responses: what a request gets that ends with a status instead of content: an error page of the
// configuration, or the built-in one.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::http {

class Request;

/// Ends `request`, whose head was not sent, with `status`: through error_page if one applies, else with the built-in
/// page.
void answer_with_status(Request& request, uint16_t status);

/// The status as clients see it: 494 to 497 are 400.
uint16_t public_status(uint16_t status);

}  // namespace sluice::http
