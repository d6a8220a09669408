// The last changes to a head.
#include "http/head_completion.h"

#include "http/fields/field_value.h"
#include "http/redirect.h"
#include "http/request.h"

namespace sluice::http {

bool complete_head(Request& request) {
    Response& response = request.response;
    if (response.is_header_only && (response.status == 204 || response.status == 304 || response.status < 200)) {
        response.content_length = Response::kUnknownLength;
        // What an upstream says of a representation that is not there goes on.
        if (!response.is_unconditional) response.content_type = {};
    }
    // RFC 9110 §8.8: the validator of the selected representation, which an error page is not.
    if (response.status != 200 && response.status != 206 && response.status != 304)
        response.last_modified = Response::kNoTime;
    const bool is_path = is_made_absolute(request, response.location);
    if (!response.location.empty()) {
        const Text location = absolute_location(request, response.location);
        response.location = sendable_value(request.arena(), location);
    }
    response.content_type = sendable_value(request.arena(), response.content_type);
    return is_path;
}

}  // namespace sluice::http
