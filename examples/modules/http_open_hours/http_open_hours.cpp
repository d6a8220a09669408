// http_open_hours: lets clients in at certain hours of the day (local time) and refuses them at others.
//   open_hours 8-12 13-18;  open_hours_status 503;  open_hours_unless $http_x_staff;      $open_hours
#include <sluice/sdk.h>

// An access rule in four parts: a type of its own for a directive's value, the settings of a location, the handler of
// the access phase, and a variable. Settings are inherited from `http` over `server` to `location` without a line of
// code here: a field that a block does not write is taken from the block around it.

namespace {

/// The hours of a day as bits: bit 8 is the time from 8:00 to 8:59.
struct Hours {
    static constexpr uint32_t kWholeDay = (1U << 24U) - 1;
    uint32_t bits = kWholeDay;

    constexpr bool has(unsigned hour) const { return (bits >> hour & 1U) != 0; }
};

}  // namespace

// How the words behind a directive become Hours. The row of any directive whose field is a Setting<Hours> finds this
// by the type.
namespace sluice::conf {

template <>
struct Value<Hours> {
    static constexpr Text kSyntax = "from-to ...";
    static constexpr uint8_t kLeastWords = 1;
    static constexpr uint8_t kMostWords = UINT8_MAX;
    static constexpr bool kMayRepeat = false;

    static Result<void> parse(Parser& parser, const Directive&, Arguments words, Hours& out) {
        out.bits = 0;
        for (const Token& word : words) {
            if (add_range(word.text, out)) continue;
            parser.point_at(word);  // the caret of the error message
            return Error(parser.arena().concat("invalid range of hours \"", word.text, "\""));
        }
        return {};
    }

 private:
    /// "8-18", or "22-6" over midnight; the last hour is not part of it.
    static bool add_range(Text range, Hours& out) {
        const std::optional<uint64_t> from = text::parse_uint(text::split_off(range, '-'));
        const std::optional<uint64_t> to = text::parse_uint(range);
        if (!from || !to || *from > 23 || *to > 24 || *from == *to) return false;
        uint64_t hour = *from;
        do {
            out.bits |= 1U << hour;
            hour = (hour + 1) % 24;
        } while (hour != *to % 24);
        return true;
    }
};

}  // namespace sluice::conf

namespace {

using namespace sluice;
using http::Verdict;

/// One for each location; the server makes and inherits it.
struct Conf {
    Setting<Hours> hours;
    Setting<uint16_t> status;
    Setting<script::Predicates> exceptions;
};

// One row is all there is to a directive: where it may stand, its default and bounds, and what --help-directive says.
constexpr std::array kDirectives{
    conf::directive<&Conf::hours>(
        "open_hours",
        {.where = http::anywhere_and_if, .initial = "0-24", .help = "hours of the day at which clients are let in"}),
    conf::directive<&Conf::status>(
        "open_hours_status",
        {.where = http::anywhere_and_if, .initial = "403", .help = "answer at all other hours", .range = {400, 599}}),
    conf::directive<&Conf::exceptions>(
        "open_hours_unless", {.where = http::anywhere_and_if,
                              .help = "lets in at any hour if one of the values is neither empty nor \"0\""}),
};

/// Hour of the local time. The clock is read once a turn of the loop: asking it costs nothing.
unsigned hour_now() {
    const int64_t minutes = log::Clock::unix_seconds() / 60 + log::Clock::utc_offset_minutes();
    return static_cast<unsigned>(minutes / 60 % 24);
}

/// `decline` leaves the question to the other handlers of the phase: with `satisfy any`, opening hours alone shall
/// not replace a password.
Verdict check(http::Request& request) {
    const auto& conf = request.conf<Conf>();  // found by its type
    if (conf.hours->has(hour_now()) || conf.exceptions->any(request)) return Verdict::decline();
    request.log().info("it is not open at this hour");
    return Verdict::respond(*conf.status);
}

Text state_now(const http::Request& request) {
    return request.conf<Conf>().hours->has(hour_now()) ? "open" : "closed";
}

constexpr std::array kVariables{http::Variable{.name = "open_hours", .get = state_now}};
// The server's own handlers stand at multiples of 10, http_access at 10: this one comes behind it.
constexpr std::array kPhases{http::PhaseHandler{http::Phase::access, check, 15}};

constexpr http::Module kModule{
    .name = "http_open_hours",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
