// The Priority field of RFC 9218, which is a dictionary of RFC 8941 §3.2.
#pragma once

#include <nghttp2/nghttp2.h>
#include <sluice/core/base/text.h>

namespace sluice::http2 {

/// Sets what the field says about urgency (0 to 7) and increments, and leaves the rest of `priority` as it is;
/// members of other names and values that these can't have say nothing. False: it is no dictionary, and means nothing
/// at all.
bool read_priority(Text field, nghttp2_extpri& priority);

}  // namespace sluice::http2
