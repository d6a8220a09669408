// The last changes to a head.
#include "http/head_completion.h"

#include "http/redirect.h"
#include "http/request.h"

namespace sluice::http {

bool complete_head(Request& request) {
    Response& response = request.response;
    if (response.is_header_only && (response.status == 204 || response.status == 304 || response.status < 200)) {
        response.content_length = Response::kUnknownLength;
        response.content_type = {};
    }
    // RFC 9110 §8.8: the validator of the selected representation, which an error page is not.
    if (response.status != 200 && response.status != 206 && response.status != 304)
        response.last_modified = Response::kNoTime;
    const bool is_path = response.location.starts_with('/');
    if (!response.location.empty()) response.location = absolute_location(request, response.location);
    return is_path;
}

}  // namespace sluice::http
