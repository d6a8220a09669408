// From URI to path: root and alias.
#pragma once

#include "core/base/text.h"

namespace sluice::http {

class Request;

/// The value of root or alias for this request, made absolute; null Text when a variable in it was not found.
Text root_of(Request& request);
/// The path of the file that `uri` names under root or alias; null-terminated behind its end, with `room` further
/// bytes behind that for the caller to append to. Null Text, with a line in the log, where there is no root_of().
Text path_of(Request& request, Text uri, size_t room = 0);

}  // namespace sluice::http
