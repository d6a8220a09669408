// RateLimit: limit_rate and limit_rate_after of one response: how much may leave now, and when to ask again.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace sluice::http {

class Request;

class RateLimit {
 public:
    struct Share {
        int64_t size = 0;  ///< bytes that may leave now; 0: none
        Msec wait;         ///< until there is a share again; only where `size` is 0
    };

    /// Of `wanted` bytes, at loop time `now`, when `sent` have left so far. What it allows must be sent.
    Share take(const Request& request, Msec now, int64_t wanted, int64_t sent);

 private:
    Msec paced_until_;  ///< nothing more leaves before
};

}  // namespace sluice::http
