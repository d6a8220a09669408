// expires.
#include "expires.h"

#include <ctime>

namespace sluice::headers {

namespace {
constexpr int64_t kDay = 24 * 60 * 60;
constexpr Text kEpoch = "Thu, 01 Jan 1970 00:00:01 GMT";
constexpr Text kFarAway = "Thu, 31 Dec 2037 23:55:55 GMT";
}  // namespace

Result<Lifetime> parse_lifetime(Text word, bool is_modified) {
    using Kind = Lifetime::Kind;
    if (!is_modified) {
        if (word == "epoch") return Lifetime{Kind::epoch, {}};
        if (word == "max") return Lifetime{Kind::max, {}};
        if (word == "off") return Lifetime{Kind::off, {}};
    }
    const bool is_daily = word.starts_with('@');
    const bool is_negative = word.starts_with('-');
    if (is_daily && is_modified) return Error("daily time cannot be used with \"modified\" parameter");
    if (is_daily || is_negative || word.starts_with('+')) word.remove_prefix(1);
    const std::optional<Seconds> time = conf::parse::to_seconds(word);
    if (!time) return Error("invalid value");
    if (is_daily && time->count > kDay) return Error("daily time value must be less than 24 hours");
    const Kind kind = is_daily ? Kind::daily : (is_modified ? Kind::modified : Kind::access);
    return Lifetime{kind, {is_negative ? -time->count : time->count}};
}

Freshness freshness(const Lifetime& lifetime, Seconds now, Seconds last_modified) {
    if (lifetime.kind == Lifetime::Kind::daily) {
        const auto clock = static_cast<time_t>(now.count);
        tm local{};
        ::localtime_r(&clock, &local);
        local.tm_hour = local.tm_min = local.tm_sec = 0;
        int64_t at = static_cast<int64_t>(::mktime(&local)) + lifetime.time.count;
        if (at <= now.count) at += kDay;
        return {{at}, {at - now.count}};
    }
    const bool counts_from_now = lifetime.kind == Lifetime::Kind::access || last_modified.count < 0;
    if (lifetime.time.count == 0 || counts_from_now) return {{now.count + lifetime.time.count}, lifetime.time};
    const int64_t at = last_modified.count + lifetime.time.count;
    return {{at}, {lifetime.time.count < 0 ? -1 : at - now.count}};
}

void set_expires(http::Request& request, const Lifetime& lifetime) {
    using http::KnownHeader;
    Arena& arena = request.arena();
    http::Headers& headers = request.response.headers;
    if (lifetime.kind == Lifetime::Kind::off) return;
    if (lifetime.kind == Lifetime::Kind::epoch || lifetime.kind == Lifetime::Kind::max) {
        const bool is_max = lifetime.kind == Lifetime::Kind::max;
        headers.set(arena, KnownHeader::expires, is_max ? kFarAway : kEpoch);
        headers.set(arena, KnownHeader::cache_control, is_max ? Text("max-age=315360000") : Text("no-cache"));
        return;
    }
    const Seconds now{request.connection().loop().wall_msec() / 1000};
    const Freshness fresh = freshness(lifetime, now, {request.response.last_modified});
    const std::span<char> date = arena.make_bytes(http::kHttpDateSize);
    http::write_http_date(date.data(), fresh.expires);
    headers.set(arena, KnownHeader::expires, {date.data(), date.size()});
    constexpr size_t kRoom = 32;
    const Text control = fresh.max_age.count < 0
                             ? Text("no-cache")
                             : TextBuilder(arena.make_bytes(kRoom)).add("max-age=", fresh.max_age.count).text();
    headers.set(arena, KnownHeader::cache_control, control);
}

}  // namespace sluice::headers
