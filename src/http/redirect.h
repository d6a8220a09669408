// Redirects: the absolute form of a Location, as absolute_redirect, server_name_in_redirect and port_in_redirect say.
#pragma once

#include "core/base/text.h"

namespace sluice::http {

class Request;

/// Whether absolute_location() will put a scheme and a host before it.
bool is_made_absolute(const Request& request, Text location);

/// `location` with scheme, host and port before it when it is a path and absolute redirects are on; in the request's
/// arena.
Text absolute_location(Request& request, Text location);

}  // namespace sluice::http
