// Answer: the head of what an upstream answered, and how it becomes the response to the client.
#pragma once

#include "http/headers.h"
#include "http/response.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::upstream {

class Exchange;

struct Answer {
    uint16_t status = 0;
    Text status_line;  ///< "200 Fine"
    Headers headers;   ///< in the request's arena; $upstream_http_*
    int64_t content_length = Response::kUnknownLength;
    bool has_no_body = false;  ///< by its status or the method that the upstream was asked with

    /// To be called once the others are filled in: a client that has asked for more than the head (`proxy_method`)
    /// must not wait for a body that never comes.
    void settle_length(const Request& request);
};

/// Makes `request.response` of the exchange's answer: fields that are hidden stay behind, those that the server
/// writes itself become its settings, X-Accel-* take effect.
void pass_answer(Exchange& exchange);
/// A 103 of the upstream on its way to the client, where `early_hints` allows it (RFC 8297): all fields but those of
/// the connection and those that are hidden.
void pass_early_hints(Exchange& exchange, const Headers& fields);
/// What says how a message is framed or routed does not belong behind its body (RFC 9110 §6.5.1), and would deceive
/// whoever merges trailers into headers.
bool is_allowed_in_trailers(KnownHeader known);
/// The fields that an X-Accel-Redirect keeps: Content-Type, Set-Cookie, Cache-Control, …
void pass_kept_fields(Exchange& exchange);

}  // namespace sluice::http::upstream
