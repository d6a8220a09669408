// Calendar arithmetic (proleptic Gregorian, no leap seconds) and the texts of HTTP dates.
#include "http/fields/date.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::http {
namespace {

constexpr std::array<Text, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<Text, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kDay = 86400;
/// 1 January of year 0 and 31 December 9999, 23:59:59.
constexpr int64_t kEarliest = -62167219200;
constexpr int64_t kLatest = 253402300799;

constexpr bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in_month(int year, int month) {
    constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
}

/// Days from 1 March of year 0 to the first day of a year that begins in March.
constexpr int64_t days_before_year(int64_t year) {
    return 365 * year + year / 4 - year / 100 + year / 400;
}

/// Days from 1 March of year 0 to 1 January 1970.
constexpr int64_t kEpoch = days_before_year(1969) + 306;

/// Reads the parts of a date one after the other; once something was wrong, everything is.
class DateReader {
 public:
    explicit DateReader(Text rest) : rest_(rest) {}

    void expect(Text literal) {
        is_valid_ = is_valid_ && rest_.substr(0, literal.size()) == literal;
        drop(literal.size());
    }

    int number(size_t digits) {
        const auto value = text::parse_uint(rest_.substr(0, digits));
        is_valid_ = is_valid_ && value && rest_.size() >= digits;
        drop(digits);
        return is_valid_ ? static_cast<int>(*value) : 0;
    }

    /// The day in an asctime date: two digits, or a space and one.
    int padded_day() {
        if (rest_.substr(0, 1) != " ") return number(2);
        drop(1);
        return number(1);
    }

    int month() {
        const auto* found = std::find(kMonths.begin(), kMonths.end(), rest_.substr(0, 3));
        is_valid_ = is_valid_ && found != kMonths.end();
        drop(3);
        return is_valid_ ? static_cast<int>(found - kMonths.begin()) + 1 : 1;
    }

    void time(CivilTime& civil) {
        civil.hour = number(2);
        expect(":");
        civil.minute = number(2);
        expect(":");
        civil.second = number(2);
    }

    bool is_at_valid_end() const { return is_valid_ && rest_.empty(); }

 private:
    void drop(size_t count) { rest_.remove_prefix(std::min(count, rest_.size())); }

    Text rest_;
    bool is_valid_ = true;
};

/// `06 Nov 1994 08:49:37 GMT` behind `Sun, `, or `06-Nov-94 08:49:37 GMT` behind `Sunday, `.
void read_internet_date(DateReader& reader, CivilTime& civil, bool is_rfc_850) {
    const Text separator = is_rfc_850 ? "-" : " ";
    civil.day = reader.number(2);
    reader.expect(separator);
    civil.month = reader.month();
    reader.expect(separator);
    civil.year = reader.number(is_rfc_850 ? 2 : 4);
    if (is_rfc_850) civil.year += civil.year < 70 ? 2000 : 1900;
    reader.expect(" ");
    reader.time(civil);
    reader.expect(" GMT");
}

/// `Nov  6 08:49:37 1994` behind `Sun `.
void read_asctime_date(DateReader& reader, CivilTime& civil) {
    civil.month = reader.month();
    reader.expect(" ");
    civil.day = reader.padded_day();
    reader.expect(" ");
    reader.time(civil);
    reader.expect(" ");
    civil.year = reader.number(4);
}

/// Second 60 is a leap second (RFC 9110 §5.6.7).
bool exists(const CivilTime& civil) {
    return civil.day >= 1 && civil.day <= days_in_month(civil.year, civil.month) && civil.hour <= 23 &&
           civil.minute <= 59 && civil.second <= 60;
}

char* put(char* out, Text part) {
    std::memcpy(out, part.data(), part.size());
    return out + part.size();
}

char* put_two_digits(char* out, int number) {
    *out++ = static_cast<char>('0' + number / 10);
    *out++ = static_cast<char>('0' + number % 10);
    return out;
}

}  // namespace

Text weekday_name(int weekday) {
    return kWeekdays[static_cast<size_t>(weekday)];
}
Text month_name(int month) {
    return kMonths[static_cast<size_t>(month - 1)];
}

Seconds from_civil(const CivilTime& civil) {
    // A year that begins in March has its leap day at its end.
    const int64_t year = civil.month > 2 ? civil.year : civil.year - 1;
    const int months = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    const int64_t shifted = year + 400;  // divisions below must not see a negative number
    const int64_t days = days_before_year(shifted) - days_before_year(400) + (153 * months + 2) / 5 + civil.day - 1;
    return {(days - kEpoch) * kDay + civil.hour * 3600 + civil.minute * 60 + civil.second};
}

CivilTime to_civil(Seconds time) {
    const int64_t seconds = std::clamp(time.count, kEarliest, kLatest);
    const int64_t since_1970 = (seconds - kEarliest) / kDay + kEarliest / kDay;
    const int64_t days = since_1970 + kEpoch + days_before_year(400);  // since 1 March of year -400
    int64_t year = days * 400 / days_before_year(400);                 // at most one off
    if (days_before_year(year) > days) --year;
    if (days_before_year(year + 1) <= days) ++year;
    const auto day_of_year = static_cast<int>(days - days_before_year(year));
    const int months = (5 * day_of_year + 2) / 153;
    const auto second_of_day = static_cast<int>((seconds - kEarliest) % kDay);

    CivilTime civil;
    civil.month = months < 10 ? months + 3 : months - 9;
    civil.year = static_cast<int>(year - 400) + (months < 10 ? 0 : 1);
    civil.day = day_of_year - (153 * months + 2) / 5 + 1;
    civil.hour = second_of_day / 3600;
    civil.minute = second_of_day / 60 % 60;
    civil.second = second_of_day % 60;
    civil.weekday = static_cast<int>((since_1970 % 7 + 11) % 7);
    return civil;
}

namespace {

std::optional<Seconds> read_date(Text value) {
    value = text::trim(value);
    CivilTime civil;
    const size_t comma = value.find(',');
    DateReader reader(comma == Text::npos ? value.substr(std::min<size_t>(4, value.size()))
                                          : value.substr(comma + 1));
    if (comma == Text::npos) {
        read_asctime_date(reader, civil);
    } else {
        reader.expect(" ");
        read_internet_date(reader, civil, value.find('-') != Text::npos);
    }
    if (!reader.is_at_valid_end() || !exists(civil)) return std::nullopt;
    return from_civil(civil);
}

/// Upstreams name the same times again and again.
struct ReadDate {
    char text[kHttpDateSize] = {};
    bool is_there = false;
    int64_t time = 0;
};
constinit std::array<ReadDate, 16> read_dates{};

}  // namespace

std::optional<Seconds> parse_http_date(Text value) {
    if (value.size() != kHttpDateSize) return read_date(value);
    ReadDate& date = read_dates[text::hash(value) % read_dates.size()];
    if (date.is_there && std::memcmp(date.text, value.data(), kHttpDateSize) == 0) return Seconds{date.time};
    const std::optional<Seconds> time = read_date(value);
    if (!time) return std::nullopt;
    std::memcpy(date.text, value.data(), kHttpDateSize);
    date.time = time->count;
    date.is_there = true;
    return time;
}

namespace {

char* write_date(char* out, Seconds time) {
    const CivilTime civil = to_civil(time);
    out = put(out, weekday_name(civil.weekday));
    out = put(out, ", ");
    out = put_two_digits(out, civil.day);
    *out++ = ' ';
    out = put(out, month_name(civil.month));
    *out++ = ' ';
    out = put_two_digits(out, civil.year / 100);
    out = put_two_digits(out, civil.year % 100);
    *out++ = ' ';
    out = put_two_digits(out, civil.hour);
    *out++ = ':';
    out = put_two_digits(out, civil.minute);
    *out++ = ':';
    out = put_two_digits(out, civil.second);
    return put(out, " GMT");
}

/// Files that are asked for have few times, and calendars cost more than all the rest of a small answer's head.
struct WrittenDate {
    int64_t time = 0;
    bool is_there = false;
    char text[kHttpDateSize] = {};
};
constinit std::array<WrittenDate, 16> written_dates{};

}  // namespace

char* write_http_date(char* out, Seconds time) {
    WrittenDate& date = written_dates[static_cast<uint64_t>(time.count) % written_dates.size()];
    if (!date.is_there || date.time != time.count) {
        write_date(date.text, time);
        date.time = time.count;
        date.is_there = true;
    }
    std::memcpy(out, date.text, kHttpDateSize);
    return out + kHttpDateSize;
}

}  // namespace sluice::http
