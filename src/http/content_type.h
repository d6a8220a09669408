// The media type that `types` and `default_type` give to what a request names.
#pragma once

#include "core/base/text.h"

namespace sluice::http {

class Request;

/// By the extension of the URI; empty when `default_type` is.
Text content_type_of(Request& request);

}  // namespace sluice::http
