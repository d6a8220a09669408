// RateLimit.
#include "http/rate_limit.h"

#include <algorithm>

#include "http/request.h"

namespace sluice::http {

// So many bytes a second since the request began, beyond limit_rate_after.
RateLimit::Share RateLimit::take(const Request& request, Msec now, int64_t wanted, int64_t sent) {
    if (now < paced_until_) return {0, paced_until_ - now};
    const int64_t rate = request.limit_rate();
    if (rate <= 0) return {wanted, {}};
    const Msec elapsed = now - request.started();
    const int64_t after = request.limit_rate_after();
    const int64_t budget = rate * (elapsed.count / 1000 + 1) + after - sent;
    if (budget <= 0) return {0, {-budget * 1000 / rate + 1}};
    // In halves of a second, so that the rate holds for short answers, too.
    const int64_t free = std::max<int64_t>(after - sent, 0);
    const int64_t allowed = std::min({wanted, budget, free + std::max<int64_t>(rate / 2, 1)});
    paced_until_ = now + Msec{std::max<int64_t>((allowed - free) * 1000 / rate, 0)};
    return {allowed, {}};
}

}  // namespace sluice::http
