// Filters: named stages between content and writer. A filter declares its stages; load order never matters.
#pragma once

#include <cstdint>

#include "event/chain.h"

namespace sluice::http {

class Request;

/// Order of the header hooks, from the content's side to the wire.
enum class HeaderStage : uint8_t {
    not_modified,
    slice,
    headers,
    userid,
    image,
    sub,
    addition,
    gunzip,
    charset,
    ssi,
    compress,
    range,
    trailers,
    last,
};

/// A subrequest's answer is a part of the main one: what concerns the message to the client is not for it.
constexpr bool is_for_client(HeaderStage stage) {
    switch (stage) {
        case HeaderStage::not_modified:
        case HeaderStage::headers:
        case HeaderStage::userid:
        case HeaderStage::addition:
        case HeaderStage::compress:
        case HeaderStage::range:
        case HeaderStage::trailers:
        case HeaderStage::last: return true;
        case HeaderStage::slice:
        case HeaderStage::image:
        case HeaderStage::sub:
        case HeaderStage::gunzip:
        case HeaderStage::charset:
        case HeaderStage::ssi: return false;
    }
    return true;
}

/// Order of the body hooks, from the content's side to the wire.
enum class BodyStage : uint8_t {
    range,
    slice,
    image,
    xslt,
    sub,
    addition,
    gunzip,
    charset,
    ssi,
    compress,
    trailers,
    last,
};

/// What a header hook says.
enum class HeaderVerdict : uint8_t {
    skip,     ///< the body hook is not needed for this response
    filter,   ///< the body hook shall see every chain of this response
    replace,  ///< the hook answered otherwise (Request::respond was called): the output in progress ends
};

/// What a body hook says.
enum class BodyVerdict : uint8_t {
    go_on,   ///< `chain` was changed in place and goes on to the next stage
    hold,    ///< nothing goes on now; the hook has copied what it needs, takes more, and goes on with
             ///< Request::continue_output when it has something
    wait,    ///< as `hold`, but nothing more comes to the hook until it has called Request::continue_output, from the
             ///< loop
    failed,  ///< the response can't be finished: the connection is closed
};

struct Filter {
    HeaderStage header_stage = HeaderStage::last;
    HeaderVerdict (*header)(Request&) = nullptr;
    BodyStage body_stage = BodyStage::last;
    /// `chain`: what comes from the stage before, may be empty; `is_last`: nothing comes after it, told once. Data is
    /// not copied: a hook splices, cuts and inserts buffers; memory it inserts lives in the request's arena until
    /// sent. What came in is used again by its source as soon as the call after it comes, or the output is said to be
    /// sent: a hook that keeps bytes copies them. Ranges of files only come (behind BodyStage::range) where no header
    /// hook has set Response::is_body_in_memory; with it they have been read, a few `output_buffers` at a time.
    BodyVerdict (*body)(Request&, event::Chain& chain, bool is_last) = nullptr;
};

}  // namespace sluice::http
