// Try: what one attempt of an exchange has come to.
#pragma once

#include <cstdint>

#include "core/base/text.h"
#include "core/base/units.h"
#include "http/headers.h"

namespace sluice::http::upstream {

/// One try, for the $upstream_* variables.
struct Try {
    static constexpr int64_t kNone = -1;
    Text address;
    uint16_t status = 0;
    Msec started{};
    int64_t connect_time = kNone;  ///< milliseconds
    int64_t header_time = kNone;
    int64_t response_time = kNone;
    int64_t response_length = 0;
    int64_t bytes_received = 0;
    int64_t bytes_sent = 0;
    bool is_new_exchange = false;  ///< the first one after an internal redirect
    bool is_being_asked = false;   ///< its request is being written
    Try* next = nullptr;
    Headers trailers;  ///< $upstream_trailer_*
};

}  // namespace sluice::http::upstream
