// The media type that `types` and `default_type` give to what a request names.
#pragma once

#include "core/base/text.h"
#include "core/conf/sequence.h"

namespace sluice::http {

class Request;
struct Response;

/// By the extension of the URI; empty when `default_type` is.
Text content_type_of(Request& request);

/// Whether a response is of one of `types`, in any case; "*" stands for any type, and for none.
bool has_type(const Response& response, const conf::Sequence<Text>& types);

}  // namespace sluice::http
