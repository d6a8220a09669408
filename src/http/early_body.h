// client_body_early_read: a request's body is there before the first rewrite rule runs.
#pragma once

#include "http/verdict.h"

namespace sluice::http {

class Request;

/// Handler of the post_read phase. Collects the body where a condition of `client_body_early_read` holds; what the
/// server block says about bodies (`client_max_body_size`, `client_body_buffer_size`, …) counts, since no location is
/// chosen yet. A body that is announced as too long for the server block is left to the location, which may allow it.
Verdict read_body_early(Request& request);

}  // namespace sluice::http
