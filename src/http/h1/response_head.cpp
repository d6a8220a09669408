// The head of a response: measured first, then written in one go.
#include "http/h1/response_head.h"

#include <cstring>

#include "core/log/clock.h"
#include "event/chain.h"
#include "http/conf/location_conf.h"
#include "http/fields/date.h"
#include "http/fields/field_value.h"
#include "http/h1/chunked.h"
#include "http/head_completion.h"
#include "http/request.h"
#include "http/server_banner.h"

namespace sluice::http::h1 {

namespace {

constexpr size_t kFixedRoom = 512;  // status line, Server, Date, lengths and connection fields

void write_field(TextBuilder& out, Arena& arena, const Field& field) {
    out.add(field.name, ": ", sendable_value(arena, field.value), "\r\n");
}

class HeadWriter {
 public:
    HeadWriter(Request& request, size_t room, bool is_path)
        : request_(request), response_(request.response), out_(request.arena().make_bytes(room)), is_path_(is_path) {}

    Text write(bool keeps_alive, const event::Chain& body) {
        write_status_line();
        write_identity();
        write_content();
        // nginx's order, which tests and people compare: a Location that was made absolute stands before Connection,
        // one that was given so behind it.
        if (is_path_) write_location();
        write_connection(keeps_alive);
        if (!is_path_) write_location();
        const Field* etag_place = response_.etag_place();
        if (etag_place == nullptr) write_etag();
        for (const Field& field : response_.headers) {
            if (&field == etag_place) {
                write_etag();
            } else {
                write_field(out_, request_.arena(), field);
            }
        }
        out_.add("\r\n");
        for (const event::Buffer* piece = body.head(); piece != nullptr; piece = piece->next)
            out_.add(Text(piece->begin, static_cast<size_t>(piece->size())));
        return out_.text();
    }

 private:
    void write_status_line() {
        if (response_.status == 200 && response_.status_line.empty()) {
            out_.add("HTTP/1.1 200 OK\r\n");
        } else if (!response_.status_line.empty()) {
            out_.add("HTTP/1.1 ", response_.status_line, "\r\n");
        } else {
            out_.add("HTTP/1.1 ", Padded{response_.status, 3}, " ", reason_phrase(response_.status), "\r\n");
        }
    }

    void write_identity() {
        if (response_.headers.find(KnownHeader::server) == nullptr)
            out_.add("Server: ", server_banner(*request_.conf<LocationConf>().server_tokens), "\r\n");
        if (response_.headers.find(KnownHeader::date) == nullptr) out_.add("Date: ", log::Clock::http_date(), "\r\n");
    }

    void write_content() {
        if (!response_.content_type.empty()) {
            out_.add("Content-Type: ", response_.content_type);
            if (!response_.charset.empty()) out_.add("; charset=", response_.charset);
            out_.add("\r\n");
        }
        if (response_.content_length >= 0) out_.add("Content-Length: ", response_.content_length, "\r\n");
        const bool is_own = response_.headers.find(KnownHeader::last_modified) == nullptr;
        if (is_own && response_.last_modified != Response::kNoTime) {
            char date[kHttpDateSize];
            write_http_date(date, {response_.last_modified});
            out_.add("Last-Modified: ", Text(date, sizeof(date)), "\r\n");
        }
    }

    void write_etag() {
        if (!response_.etag.empty()) out_.add("ETag: ", response_.etag, "\r\n");
    }

    void write_location() {
        if (response_.location.data() != nullptr) out_.add("Location: ", response_.location, "\r\n");
    }

    void write_connection(bool keeps_alive) {
        if (response_.is_chunked) out_.add("Transfer-Encoding: chunked\r\n");
        if (response_.status == 101) {
            out_.add("Connection: upgrade\r\n");
        } else if (keeps_alive) {
            out_.add("Connection: keep-alive\r\n");
            const Seconds header = request_.conf<LocationConf>().keepalive_timeout->header;
            if (header.count > 0) out_.add("Keep-Alive: timeout=", header.count, "\r\n");
        } else {
            out_.add("Connection: close\r\n");
        }
    }

    Request& request_;
    Response& response_;
    TextBuilder out_;
    bool is_path_;  ///< Location was a path
};

size_t measure(const Response& response) {
    size_t room = kFixedRoom + response.status_line.size() + response.content_type.size() + response.charset.size() +
                  response.location.size() + response.etag.size();
    for (const Field& field : response.headers) room += field.name.size() + field.value.size() + 4;
    return room;
}

}  // namespace

Text write_response_head(Request& request, bool keeps_alive, const event::Chain& body) {
    const bool is_path = complete_head(request);
    const size_t room = measure(request.response) + static_cast<size_t>(body.size());
    return HeadWriter(request, room, is_path).write(keeps_alive, body);
}

Text write_interim_head(Arena& arena, uint16_t status, const Headers& fields) {
    if (fields.empty() && status == 100) return "HTTP/1.1 100 Continue\r\n\r\n";
    size_t room = 64;
    for (const Field& field : fields) room += field.name.size() + field.value.size() + 4;
    TextBuilder out(arena.make_bytes(room));
    out.add("HTTP/1.1 ", Padded{status, 3}, " ", reason_phrase(status), "\r\n");
    for (const Field& field : fields) write_field(out, arena, field);
    return out.add("\r\n").text();
}

Text write_last_chunk(Request& request) {
    const Headers& trailers = request.response.trailers;
    if (trailers.empty()) return kLastChunk;
    size_t room = 5;
    for (const Field& field : trailers) room += field.name.size() + field.value.size() + 4;
    TextBuilder out(request.arena().make_bytes(room));
    out.add(kLastChunkBeforeTrailers);
    for (const Field& field : trailers) write_field(out, request.arena(), field);
    return out.add("\r\n").text();
}

bool disables_keepalive(const Request& request, conf::Flags<OldBrowser> browsers) {
    const Text agent = request.headers.value(KnownHeader::user_agent);
    if (agent.empty() || browsers.has(OldBrowser::none)) return false;
    if (browsers.has(OldBrowser::msie6) && request.method == Method::post && agent.find("MSIE 6.") != Text::npos &&
        agent.find("Opera") == Text::npos && agent.find("SV1") == Text::npos)
        return true;
    return browsers.has(OldBrowser::safari) && agent.find("Safari/") != Text::npos &&
           agent.find("Mac OS X") != Text::npos && agent.find("Chrome") == Text::npos;
}

}  // namespace sluice::http::h1
