// HTTP dates (RFC 9110 §5.6.7): reads the three formats, writes the one.
#pragma once

#include <array>
#include <optional>

#include "core/base/text.h"
#include "core/base/units.h"

namespace sluice::http {

/// Length of an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
constexpr size_t kHttpDateSize = 29;

/// Unix time of an IMF-fixdate, an RFC 850 date or an asctime date. The day's name is not checked. Two-digit years
/// below 70 are 20xx, others 19xx. Nothing for a date that does not exist or text behind it. Remembers a few: for the
/// main thread of a process.
std::optional<Seconds> parse_http_date(Text value);

/// Writes kHttpDateSize bytes at `out`; returns their end. Times outside the years 0 to 9999 are written as the
/// nearest of those. Remembers a few: for the main thread of a process.
char* write_http_date(char* out, Seconds time);

/// A point in time as UTC calendar fields.
struct CivilTime {
    int year = 1970;
    int month = 1;  ///< 1 to 12
    int day = 1;    ///< 1 to 31
    int hour = 0;
    int minute = 0;
    int second = 0;
    int weekday = 4;  ///< 0 = Sunday
};

CivilTime to_civil(Seconds time);
/// The inverse; fields must be in range, `weekday` is not looked at.
Seconds from_civil(const CivilTime& civil);

/// `Sun` … and `Jan` … as dates are written; `month` from 1.
Text weekday_name(int weekday);
Text month_name(int month);

}  // namespace sluice::http
