// Response: what a request will be answered with. Handlers fill it in, header filters change it, the writer sends it.
#pragma once

#include <cstdint>
#include <ctime>

#include "core/base/text.h"
#include "http/headers.h"

namespace sluice::http {

struct Response {
    static constexpr int64_t kUnknownLength = -1;
    static constexpr time_t kNoTime = -1;

    uint16_t status = 0;
    Text status_line;                         ///< "200 Fine" as an upstream said it; empty: the usual reason
    int64_t content_length = kUnknownLength;  ///< bytes of the body as sent; kUnknownLength: chunked or until close
    time_t last_modified = kNoTime;           ///< for Last-Modified and the conditional filters
    Text content_type;                        ///< without charset; empty: none
    Text charset;                             ///< appended to content_type
    Text etag;                                ///< with quotes, W/ included; empty: none
    Text location;                            ///< as given; the writer makes it absolute (`absolute_redirect`)
    Headers headers;                          ///< everything else, in order
    Headers trailers;                         ///< sent after a chunked body when the client can take them

    bool is_header_sent : 1 = false;  ///< the head was given to the writer: nothing above may change
    bool is_header_only : 1 = false;  ///< HEAD, 204, 304: no body follows whatever is output
    bool is_chunked : 1 = false;      ///< the body travels in chunks (HTTP/1.1 without a length)
    bool allows_ranges : 1 = false;   ///< Range may be applied; Accept-Ranges is sent
    bool single_range : 1 = false;    ///< the source can't go back: only one range
    bool is_body_in_memory : 1 =
        false;  ///< an active filter needs bytes: set by header hooks, files are read before it
    bool is_unconditional : 1 = false;  ///< If-Modified-Since and the like are the origin's business (proxied)
    // As Field's, of what is not among `headers`.
    bool is_content_type_never_indexed : 1 = false;
    bool is_etag_never_indexed : 1 = false;
    bool is_location_never_indexed : 1 = false;

    /// The one of `headers` in whose place `etag` is written, for an entity tag that came among others; null: in
    /// front of all of them.
    const Field* etag_place() const { return headers.find(KnownHeader::etag); }

    /// Takes the validators and the length away, when a filter changes the body.
    void clear_length() { content_length = kUnknownLength; }
    void clear_validators() {
        headers.remove(KnownHeader::last_modified);
        last_modified = kNoTime;
        etag = {};
    }
};

/// The reason phrase of nginx for a status, "" when unknown.
Text reason_phrase(uint16_t status);

}  // namespace sluice::http
