// expires: the lifetime of an answer, as the configuration says it and as two header fields say it.
#pragma once

#include <sluice/sdk.h>

namespace sluice::headers {

/// One reading of `expires`' words.
struct Lifetime {
    enum class Kind : uint8_t { off, epoch, max, access, modified, daily };
    Kind kind = Kind::off;
    Seconds time{0};  ///< for daily: since midnight
};

/// Reads the last word, behind `modified` if `is_modified`. Errors in nginx's words.
Result<Lifetime> parse_lifetime(Text word, bool is_modified);

/// What the fields say: when it expires, and for how many seconds it is fresh; negative: not at all.
struct Freshness {
    Seconds expires{0};
    Seconds max_age{0};
};
/// `last_modified`: -1 when unknown. `kind` is not off, epoch or max.
Freshness freshness(const Lifetime& lifetime, Seconds now, Seconds last_modified);

/// Sets Expires and Cache-Control of the answer.
void set_expires(http::Request& request, const Lifetime& lifetime);

}  // namespace sluice::headers
