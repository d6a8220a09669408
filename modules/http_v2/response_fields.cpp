// Writing fields.
#include "response_fields.h"

#include <algorithm>
#include <array>

#include <sluice/http/fields/field_value.h>
#include <sluice/http/server_banner.h>
#include <sluice/sdk.h>

#include "field_rules.h"

namespace sluice::http2 {

using http::Field;
using http::KnownHeader;
using http::Response;

namespace {

/// RFC 9110 §5.6.2 without capitals.
constexpr std::array<bool, 256> make_name_bytes() {
    std::array<bool, 256> table{};
    for (const char c : Text("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}
constexpr std::array<bool, 256> kNameBytes = make_name_bytes();

/// Places of names in the static table (RFC 7541, appendix A).
constexpr std::array<uint8_t, http::kKnownHeaderCount> make_static_names() {
    using enum KnownHeader;
    constexpr uint8_t kFirst = 15;
    constexpr std::array kNames{accept_charset,
                                accept_encoding,
                                accept_language,
                                accept_ranges,
                                accept,
                                access_control_allow_origin,
                                age,
                                allow,
                                authorization,
                                cache_control,
                                content_disposition,
                                content_encoding,
                                content_language,
                                content_length,
                                content_location,
                                content_range,
                                content_type,
                                cookie,
                                date,
                                etag,
                                expect,
                                expires,
                                from,
                                host,
                                if_match,
                                if_modified_since,
                                if_none_match,
                                if_range,
                                if_unmodified_since,
                                last_modified,
                                link,
                                location,
                                max_forwards,
                                proxy_authenticate,
                                proxy_authorization,
                                range,
                                referer,
                                refresh,
                                retry_after,
                                server,
                                set_cookie,
                                strict_transport_security,
                                transfer_encoding,
                                user_agent,
                                vary,
                                via,
                                www_authenticate};
    std::array<uint8_t, http::kKnownHeaderCount> places{};
    for (size_t i = 0; i < kNames.size(); ++i)
        places[static_cast<size_t>(kNames[i])] = static_cast<uint8_t>(kFirst + i);
    return places;
}
constexpr std::array<uint8_t, http::kKnownHeaderCount> kStaticNames = make_static_names();
static_assert(kStaticNames[static_cast<size_t>(KnownHeader::set_cookie)] == kStaticSetCookie);
static_assert(kStaticNames[static_cast<size_t>(KnownHeader::www_authenticate)] == 61);

/// Gathers lines in an array that has room for `most`.
class FieldWriter {
 public:
    FieldWriter(Arena& arena, size_t most)
        : arena_(arena),
          lines_(static_cast<FieldLine*>(arena.allocate(most * sizeof(FieldLine), alignof(FieldLine)))) {}

    FieldLines all() const { return {lines_, count_}; }

    /// Both texts live long enough.
    void add(KnownHeader known, Text value, bool is_never_indexed = false) {
        add_line({http::lower_name_of(known), value, static_name_of(known), is_never_indexed});
    }
    void add_number(KnownHeader known, int64_t number) {
        const std::span<char> room = arena_.make_bytes(20);
        add(known, TextBuilder(room).add(number).text());
    }
    void add_status(uint16_t status) {
        if (status == 200) return add_line({":status", "200", kStaticStatus});
        const std::span<char> room = arena_.make_bytes(5);
        add_line({":status", TextBuilder(room).add(Padded{status, 3}).text(), kStaticStatus});
    }

    /// What came from an upstream or the configuration. What would make the message malformed stays behind.
    void add(const Field& field) {
        if (is_of_connection(field.known)) return;
        const Text value = text::trim(http::sendable_value(arena_, field.value));
        const Text name = lower_name(field);
        if (!name.empty()) add_line({name, value, static_name_of(field.known), field.is_never_indexed});
    }

 private:
    static uint8_t static_name_of(KnownHeader known) { return kStaticNames[static_cast<size_t>(known)]; }
    void add_line(const FieldLine& line) { new (lines_ + count_++) FieldLine(line); }

    /// Empty: it is no name.
    Text lower_name(const Field& field) {
        if (field.known != KnownHeader::none) return http::lower_name_of(field.known);
        const auto is_good = [](char c) { return kNameBytes[static_cast<unsigned char>(c)]; };
        if (std::all_of(field.name.begin(), field.name.end(), is_good)) return field.name;
        const std::span<char> lower = arena_.make_bytes(field.name.size());
        std::transform(field.name.begin(), field.name.end(), lower.begin(), text::to_lower);
        return std::all_of(lower.begin(), lower.end(), is_good) ? Text(lower.data(), lower.size()) : Text{};
    }

    Arena& arena_;
    FieldLine* lines_;
    size_t count_ = 0;
};

void add_content(FieldWriter& out, Arena& arena, const Response& response) {
    if (!response.content_type.empty()) {
        const Text type = response.content_type;
        out.add(KnownHeader::content_type,
                response.charset.empty() ? type : arena.concat(type, "; charset=", response.charset),
                response.is_content_type_never_indexed);
    }
    if (response.content_length >= 0) out.add_number(KnownHeader::content_length, response.content_length);
    const bool is_own = response.headers.find(KnownHeader::last_modified) == nullptr;
    if (is_own && response.last_modified != Response::kNoTime) {
        const std::span<char> date = arena.make_bytes(http::kHttpDateSize);
        http::write_http_date(date.data(), {response.last_modified});
        out.add(KnownHeader::last_modified, Text(date.data(), date.size()));
    }
}

}  // namespace

FieldLines response_fields(http::Request& request) {
    const Response& response = request.response;
    Arena& arena = request.arena();
    constexpr size_t kOwn = 8;  // lines that add up to the response's own
    FieldWriter out(arena, kOwn + response.headers.size());
    out.add_status(response.status);
    if (response.headers.find(KnownHeader::server) == nullptr)
        out.add(KnownHeader::server, http::server_banner(*request.conf<http::LocationConf>().server_tokens));
    if (response.headers.find(KnownHeader::date) == nullptr)
        out.add(KnownHeader::date, arena.copy(log::Clock::http_date()));
    add_content(out, arena, response);
    if (response.location.data() != nullptr)
        out.add(KnownHeader::location, response.location, response.is_location_never_indexed);
    const Field* etag_place = response.etag_place();
    const auto add_etag = [&] {
        if (!response.etag.empty()) out.add(KnownHeader::etag, response.etag, response.is_etag_never_indexed);
    };
    if (etag_place == nullptr) add_etag();
    for (const Field& field : response.headers) {
        if (&field == etag_place) {
            add_etag();
        } else {
            out.add(field);
        }
    }
    return out.all();
}

FieldLines interim_fields(Arena& arena, uint16_t status, const http::Headers& fields) {
    FieldWriter out(arena, 1 + fields.size());
    out.add_status(status);
    for (const Field& field : fields) out.add(field);
    return out.all();
}

FieldLines trailer_fields(Arena& arena, const http::Headers& fields) {
    FieldWriter out(arena, fields.size());
    for (const Field& field : fields) out.add(field);
    return out.all();
}

}  // namespace sluice::http2
