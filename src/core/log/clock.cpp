// Builds the texts of a second in a slot of a ring and publishes the slot with one store, so that other threads
// always read a complete one.
#include "core/log/clock.h"

#include <array>
#include <atomic>
#include <ctime>

namespace sluice::log {

namespace {

constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// A text of known length at most, with its size beside it.
template <size_t Size>
struct Stored {
    char bytes[Size];
    uint8_t size = 0;

    Text text() const { return {bytes, size}; }
    void keep(const TextBuilder& built) { size = static_cast<uint8_t>(built.text().size()); }
};

struct Second {
    int64_t number = INT64_MIN;
    int offset_minutes = 0;
    Stored<24> error_log;
    Stored<32> access_log;
    Stored<32> iso8601;
    Stored<32> http_date;
    Stored<24> syslog;
};

std::array<Second, 16> ring;
constinit std::atomic<const Second*> current{nullptr};
constinit std::atomic<int64_t> now_msec{0};
constinit size_t next_slot = 0;

Padded two(int value) {
    return {static_cast<uint64_t>(value), 2};
}

Padded year(const std::tm& time) {
    return {static_cast<uint64_t>(time.tm_year + 1900), 4};
}

void add_clock(TextBuilder& out, const std::tm& time) {
    out.add(two(time.tm_hour), ':', two(time.tm_min), ':', two(time.tm_sec));
}

const char* month(const std::tm& time) {
    return kMonths[static_cast<size_t>(time.tm_mon)];
}

/// "+0100", or "+01:00" with a colon between.
void add_offset(TextBuilder& out, int minutes, Text between) {
    const int size = minutes < 0 ? -minutes : minutes;
    out.add(minutes < 0 ? '-' : '+', two(size / 60), between, two(size % 60));
}

void build_local(Second& second, const std::tm& time) {
    TextBuilder error(second.error_log.bytes);
    error.add(year(time), '/', two(time.tm_mon + 1), '/', two(time.tm_mday), ' ');
    add_clock(error, time);
    second.error_log.keep(error);

    TextBuilder access(second.access_log.bytes);
    access.add(two(time.tm_mday), '/', month(time), '/', year(time), ':');
    add_clock(access, time);
    access.add(' ');
    add_offset(access, second.offset_minutes, "");
    second.access_log.keep(access);

    TextBuilder iso(second.iso8601.bytes);
    iso.add(year(time), '-', two(time.tm_mon + 1), '-', two(time.tm_mday), 'T');
    add_clock(iso, time);
    add_offset(iso, second.offset_minutes, ":");
    second.iso8601.keep(iso);

    TextBuilder syslog(second.syslog.bytes);
    syslog.add(month(time), ' ', time.tm_mday < 10 ? " " : "", time.tm_mday, ' ');
    add_clock(syslog, time);
    second.syslog.keep(syslog);
}

const Second& now() {
    const Second* second = current.load(std::memory_order_acquire);
    if (second != nullptr) return *second;
    Clock::update();
    return *current.load(std::memory_order_acquire);
}

}  // namespace

void Clock::update(int64_t unix_msec) {
    now_msec.store(unix_msec, std::memory_order_relaxed);
    const int64_t number = unix_msec / 1000;
    const Second* shown = current.load(std::memory_order_relaxed);
    if (shown != nullptr && shown->number == number) return;

    Second& second = ring[next_slot];
    next_slot = (next_slot + 1) % ring.size();
    second.number = number;
    const std::time_t time = number;
    std::tm local{};
    ::localtime_r(&time, &local);
    second.offset_minutes = static_cast<int>(local.tm_gmtoff / 60);
    build_local(second, local);
    TextBuilder date(second.http_date.bytes);
    write_http_date(date, number);
    second.http_date.keep(date);
    current.store(&second, std::memory_order_release);
}

void Clock::update() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    update(time.tv_sec * 1000 + time.tv_nsec / 1'000'000);
}

void Clock::apply_time_zone() {
    ::tzset();
    current.store(nullptr, std::memory_order_release);
    update();
}

int64_t Clock::unix_msec() {
    static_cast<void>(now());
    return now_msec.load(std::memory_order_relaxed);
}

int Clock::utc_offset_minutes() {
    return now().offset_minutes;
}

Text Clock::error_log_time() {
    return now().error_log.text();
}

Text Clock::access_log_time() {
    return now().access_log.text();
}

Text Clock::iso8601() {
    return now().iso8601.text();
}

Text Clock::http_date() {
    return now().http_date.text();
}

Text Clock::syslog_time() {
    return now().syslog.text();
}

void Clock::write_msec(TextBuilder& out) {
    const int64_t msec = unix_msec();
    out.add(msec / 1000, '.', Padded{static_cast<uint64_t>(msec % 1000), 3});
}

void write_http_date(TextBuilder& out, int64_t unix_seconds) {
    const std::time_t time = unix_seconds;
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    out.add(kDays[static_cast<size_t>(utc.tm_wday)], ", ", two(utc.tm_mday), ' ', month(utc), ' ', year(utc), ' ');
    add_clock(out, utc);
    out.add(" GMT");
}

}  // namespace sluice::log
