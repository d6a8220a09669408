// The formats of a listing.
#include "listing.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <sluice/core/base/text_builder.h>
#include <sluice/http/fields/date.h>
#include <sluice/http/uri/escape.h>
#include <sluice/http/uri/log_escape.h>

namespace sluice::autoindex {

namespace {

constexpr size_t kNameColumn = 50;
constexpr size_t kCutName = 47;
constexpr size_t kExactColumn = 20;
constexpr size_t kRoundColumn = 8;
constexpr std::array<Text, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string escape_html(Text text) {
    std::string room(http::uri::escaped_html_size(text), '\0');
    return std::string(http::uri::escape_html(text, room));
}

std::string escape_component(Text text) {
    std::string room(http::uri::escaped_size(text, http::uri::Escape::component), '\0');
    return std::string(http::uri::escape(text, http::uri::Escape::component, room));
}

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

size_t width_of(Text name, bool is_utf8) {
    if (!is_utf8) return name.size();
    return name.size() - static_cast<size_t>(std::count_if(name.begin(), name.end(), is_continuation));
}

/// The first `width` columns.
Text cut(Text name, size_t width, bool is_utf8) {
    if (!is_utf8) return name.substr(0, width);
    size_t end = 0;
    for (; end < name.size(); ++end) {
        if (is_continuation(name[end])) continue;
        if (width-- == 0) break;
    }
    return name.substr(0, end);
}

std::string two_digits(int number) {
    std::string digits = std::to_string(number);
    return digits.size() < 2 ? "0" + digits : digits;
}

tm split_time(int64_t seconds, bool is_local) {
    const time_t time = seconds;
    tm parts{};
    if (is_local) {
        ::localtime_r(&time, &parts);
    } else {
        ::gmtime_r(&time, &parts);
    }
    return parts;
}

std::string short_date(int64_t seconds, bool is_local) {
    const tm parts = split_time(seconds, is_local);
    return two_digits(parts.tm_mday) + "-" + std::string(kMonths[static_cast<size_t>(parts.tm_mon)]) + "-" +
           std::to_string(1900 + parts.tm_year) + " " + two_digits(parts.tm_hour) + ":" + two_digits(parts.tm_min);
}

std::string iso_date(int64_t seconds) {
    const tm parts = split_time(seconds, false);
    return std::to_string(1900 + parts.tm_year) + "-" + two_digits(parts.tm_mon + 1) + "-" +
           two_digits(parts.tm_mday) + "T" + two_digits(parts.tm_hour) + ":" + two_digits(parts.tm_min) + ":" +
           two_digits(parts.tm_sec) + "Z";
}

std::string rounded_size(int64_t size) {
    constexpr int64_t kKilo = 1024;
    constexpr int64_t kMostBytes = 9999;
    if (size <= kMostBytes) return std::to_string(size);
    int64_t unit = kKilo;
    Text name = "K";
    if (size >= kKilo * kKilo * kKilo) {
        unit = kKilo * kKilo * kKilo;
        name = "G";
    } else if (size >= kKilo * kKilo) {
        unit = kKilo * kKilo;
        name = "M";
    }
    return std::to_string((size + unit / 2) / unit) + std::string(name);
}

std::string size_text(const Entry& entry, const Look& look) {
    std::string text = "-";
    if (entry.kind != Entry::Kind::directory)
        text = look.exact_size ? std::to_string(entry.size) : rounded_size(entry.size);
    const size_t column = look.exact_size ? kExactColumn : kRoundColumn;
    return std::string(column - std::min(column, text.size()), ' ') + text;
}

std::string html_line(const Entry& entry, const Look& look) {
    const bool is_directory = entry.kind == Entry::Kind::directory;
    std::string line = "<a href=\"" + escape_component(entry.name) + (is_directory ? "/" : "") + "\">";
    size_t width = width_of(entry.name, look.is_utf8);
    if (width > kNameColumn) {
        line += escape_html(cut(entry.name, kCutName, look.is_utf8)) + "..&gt;</a>";
        width = kNameColumn;
    } else {
        const bool has_slash = is_directory && width < kNameColumn;
        line += escape_html(entry.name) + (has_slash ? "/" : "") + "</a>";
        width += has_slash ? 1 : 0;
    }
    return line + std::string(kNameColumn + 1 - width, ' ') + short_date(entry.mtime, look.localtime) +
           size_text(entry, look) + "\r\n";
}

Text kind_name(Entry::Kind kind) {
    switch (kind) {
        case Entry::Kind::directory: return "directory";
        case Entry::Kind::file: return "file";
        case Entry::Kind::other: break;
    }
    return "other";
}

std::string escape_json(Text text) {
    std::string room(http::uri::json_escaped_size(text), '\0');
    return std::string(http::uri::json_escape(text, room));
}

std::string json_line(const Entry& entry) {
    char date[http::kHttpDateSize];
    http::write_http_date(date, {entry.mtime});
    std::string line = "{ \"name\":\"" + escape_json(entry.name) + "\", \"type\":\"" +
                       std::string(kind_name(entry.kind)) + "\", \"mtime\":\"" + std::string(date, sizeof date) +
                       "\"";
    if (entry.kind == Entry::Kind::file) line += ", \"size\":" + std::to_string(entry.size);
    return line + " }";
}

}  // namespace

void sort(std::vector<Entry>& entries) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        const bool a_is_directory = a.kind == Entry::Kind::directory;
        const bool b_is_directory = b.kind == Entry::Kind::directory;
        return a_is_directory != b_is_directory ? a_is_directory : a.name < b.name;
    });
}

std::string write_html(Text uri, std::span<const Entry> entries, const Look& look) {
    const std::string title = "Index of " + escape_html(uri);
    std::string page = "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<h1>" + title +
                       "</h1><hr><pre><a href=\"../\">../</a>\r\n";
    for (const Entry& entry : entries) page += html_line(entry, look);
    return page + "</pre><hr></body>\r\n</html>\r\n";
}

std::string write_json(std::span<const Entry> entries) {
    std::string page = "[";
    Text separator = "\r\n";
    for (const Entry& entry : entries) {
        page.append(separator).append(json_line(entry));
        separator = ",\r\n";
    }
    return page + "\r\n]";
}

std::string write_jsonp(Text callback, std::span<const Entry> entries) {
    return "/* callback */\r\n" + std::string(callback) + "(" + write_json(entries) + ");";
}

std::string write_xml(std::span<const Entry> entries) {
    std::string page = "<?xml version=\"1.0\"?>\r\n<list>\r\n";
    for (const Entry& entry : entries) {
        const std::string kind(kind_name(entry.kind));
        page += "<" + kind + " mtime=\"" + iso_date(entry.mtime) + "\"";
        if (entry.kind == Entry::Kind::file) page += " size=\"" + std::to_string(entry.size) + "\"";
        page += ">" + escape_html(entry.name) + "</" + kind + ">\r\n";
    }
    return page + "</list>\r\n";
}

bool is_callback_valid(Text callback) {
    return std::all_of(callback.begin(), callback.end(),
                       [](char c) { return text::is_alpha(c) || text::is_digit(c) || c == '_' || c == '.'; });
}

}  // namespace sluice::autoindex
