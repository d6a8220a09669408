// Writing fields.
#include "response_fields.h"

#include <algorithm>
#include <vector>

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

/// Gathers fields in an array that is used for one response after the other.
class FieldWriter {
 public:
    explicit FieldWriter(Arena& arena) : arena_(arena) { fields_.clear(); }

    std::span<const nghttp2_nv> all() const { return fields_; }

    /// Both texts live long enough.
    void add(Text name, Text value, bool is_never_indexed = false) {
        constexpr uint8_t kFlags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
        constexpr uint8_t kNeverIndexed = kFlags | NGHTTP2_NV_FLAG_NO_INDEX;
        fields_.push_back({.name = bytes_of(name),
                           .value = bytes_of(value),
                           .namelen = name.size(),
                           .valuelen = value.size(),
                           .flags = is_never_indexed ? kNeverIndexed : kFlags});
    }
    void add_number(Text name, int64_t number) {
        const std::span<char> room = arena_.make_bytes(20);
        add(name, TextBuilder(room).add(number).text());
    }
    void add_status(uint16_t status) {
        if (status == 200) return add(":status", "200");
        const std::span<char> room = arena_.make_bytes(5);
        add(":status", TextBuilder(room).add(Padded{status, 3}).text());
    }

    /// What came from an upstream or the configuration. What would make the message malformed stays behind.
    void add(const Field& field) {
        if (is_of_connection(field.known)) return;
        const Text value = text::trim(field.value);
        if (!http::is_field_value(value)) return;
        const Text name = lower_name(field);
        if (!name.empty()) add(name, value, field.is_never_indexed);
    }

 private:
    inline static std::vector<nghttp2_nv> fields_;

    static uint8_t* bytes_of(Text text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); }

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
};

void add_content(FieldWriter& out, Arena& arena, const Response& response) {
    if (!response.content_type.empty()) {
        const Text type = response.content_type;
        out.add("content-type", response.charset.empty() ? type : arena.concat(type, "; charset=", response.charset),
                response.is_content_type_never_indexed);
    }
    if (response.content_length >= 0) out.add_number("content-length", response.content_length);
    const bool is_own = response.headers.find(KnownHeader::last_modified) == nullptr;
    if (is_own && response.last_modified != Response::kNoTime) {
        const std::span<char> date = arena.make_bytes(http::kHttpDateSize);
        http::write_http_date(date.data(), {response.last_modified});
        out.add("last-modified", Text(date.data(), date.size()));
    }
}

}  // namespace

std::span<const nghttp2_nv> response_fields(http::Request& request) {
    const Response& response = request.response;
    Arena& arena = request.arena();
    FieldWriter out(arena);
    out.add_status(response.status);
    if (response.headers.find(KnownHeader::server) == nullptr)
        out.add("server", http::server_banner(*request.conf<http::LocationConf>().server_tokens));
    if (response.headers.find(KnownHeader::date) == nullptr) out.add("date", arena.copy(log::Clock::http_date()));
    add_content(out, arena, response);
    if (response.location.data() != nullptr)
        out.add("location", response.location, response.is_location_never_indexed);
    if (!response.etag.empty()) out.add("etag", response.etag, response.is_etag_never_indexed);
    for (const Field& field : response.headers) out.add(field);
    return out.all();
}

std::span<const nghttp2_nv> interim_fields(Arena& arena, uint16_t status, const http::Headers& fields) {
    FieldWriter out(arena);
    out.add_status(status);
    for (const Field& field : fields) out.add(field);
    return out.all();
}

std::span<const nghttp2_nv> trailer_fields(Arena& arena, const http::Headers& fields) {
    FieldWriter out(arena);
    for (const Field& field : fields) out.add(field);
    return out.all();
}

}  // namespace sluice::http2
