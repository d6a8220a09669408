// Http1: the request: its head from the template and the client's fields, its body.
#include <sluice/http/fields/field_value.h>
#include <sluice/http/fields/token.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/upstream/loggable.h>

#include "http1.h"

namespace sluice::proxy {

using http::upstream::Exchange;

namespace {

/// Behind a line break in a variable there might be another field, or another request: such a value stays behind.
/// One that is folded (RFC 9112 §5.2) is still one: $ssl_client_cert is made for that.
bool is_one_field(Text value) {
    if (http::is_field_value(value)) return true;
    for (size_t i = 0; i < value.size(); ++i) {
        const char next = i + 1 < value.size() ? value[i + 1] : '\0';
        if (value[i] == '\0' || (value[i] == '\r' && next != '\n')) return false;
        if (value[i] == '\n' && next != ' ' && next != '\t') return false;
    }
    return true;
}

/// The line among these with which the configuration says where the body ends; both of them where there are two.
Text framing_in(Arena& arena, Text lines) {
    Text found;
    while (!lines.empty()) {
        const Text line = text::split_off(lines, '\n');
        if (text::istarts_with(line, "Content-Length:") || text::istarts_with(line, "Transfer-Encoding:"))
            found = arena.concat(found, line, "\n");
    }
    return found;
}

}  // namespace

/// The field that tells where the body ends; empty when there is none.
Text Http1::framing_line(Exchange& exchange, const Text* own_body) {
    http::Request& request = exchange.request();
    Arena& arena = exchange.arena();
    char room[20];
    const auto length = [&](int64_t size) {
        return arena.concat("Content-Length: ", TextBuilder(room).add(size).text(), "\r\n");
    };
    if (own_body != nullptr) return length(static_cast<int64_t>(own_body->size()));
    const auto& body = request.body;
    using Framing = http::RequestBody::Framing;
    if (body.is_discarded() || !*conf_.pass_request_body) return {};
    if (body.framing == Framing::none)
        return request.headers.find(http::KnownHeader::content_length) != nullptr ? length(0) : Text{};
    if (!exchange.streams_body() && !passes_trailers(request)) return length(body.chain().size());
    if (exchange.streams_body() && body.framing == Framing::length && !may_bring_trailers(request))
        return length(body.announced_length);
    is_chunked_request_ = true;
    return "Transfer-Encoding: chunked\r\n";
}

bool Http1::write_request(Exchange& exchange, event::Chain& out) {
    http::Request& request = exchange.request();
    Text own_body;
    const bool has_own = conf_.set_body.is_set();
    if (has_own) own_body = conf_.set_body->evaluate(request);
    Text method = request.method_name;
    if (conf_.method.is_set()) method = conf_.method->evaluate(request);
    if (!http::is_token(method)) {
        request.log().error(0, "invalid method \"", http::upstream::loggable(exchange.arena(), method),
                            "\" for the upstream");
        return false;
    }
    asks_for_head_ = text::iequals(method, "HEAD");
    is_chunked_request_ = false;
    const Text framing = framing_line(exchange, has_own ? &own_body : nullptr);
    out.add(exchange.arena(), write_head(exchange, method, framing));
    if (is_bodiless_) return true;
    if (has_own) {
        out.add(exchange.arena(), own_body);
    } else if (!framing.empty() && !exchange.streams_body()) {
        // The collected body stays as it is: another try may send it again.
        event::Chain body;
        for (const event::Buffer* piece = request.body.chain().head(); piece != nullptr; piece = piece->next) {
            auto* copy = exchange.arena().make<event::Buffer>(*piece);
            body.append(*copy);
        }
        request_frames_.release();
        if (is_chunked_request_ && !body.empty()) request_frames_.wrap(exchange.arena(), body);
        out.splice(body);
        if (is_chunked_request_) out.add(exchange.arena(), last_chunk(exchange));
    }
    return true;
}

/// Fields that others look for in front of the body, or that the configuration sets, must not come in behind its
/// back.
bool Http1::passes_trailer(const http::Field& field) const {
    return field.known == http::KnownHeader::none && !conf_.head->replaced.has(field);
}

bool Http1::passes_trailers(const http::Request& request) const {
    if (*conf_.http_version != HttpVersion::v11 || !*conf_.pass_request_headers || conf_.head->sets_framing())
        return false;
    for (const http::Field& field : request.trailers)
        if (passes_trailer(field)) return true;
    return false;
}

/// Behind a body whose length is in front of it HTTP/1.1 has no place for trailers, so they must be known to come
/// before they do (RFC 9110 §6.6.2). HTTP/1 itself never brings any there.
bool Http1::may_bring_trailers(const http::Request& request) const {
    return request.version >= http::kHttp2 && request.headers.find(http::KnownHeader::trailer) != nullptr &&
           *conf_.http_version == HttpVersion::v11 && *conf_.pass_request_headers && !conf_.head->sets_framing();
}

Text Http1::last_chunk(Exchange& exchange) const {
    const http::Request& request = exchange.request();
    if (!passes_trailers(request)) return http::h1::kLastChunk;
    size_t room = http::h1::kLastChunk.size();
    for (const http::Field& field : request.trailers) room += field.name.size() + field.value.size() + 4;
    TextBuilder out(exchange.arena().make_bytes(room));
    out.add(http::h1::kLastChunkBeforeTrailers);
    for (const http::Field& field : request.trailers)
        if (passes_trailer(field)) out.add(field.name, ": ", field.value, "\r\n");
    return out.add("\r\n").text();
}

/// What the configuration takes away or says otherwise. A body whose end nobody tells would be the upstream's next
/// request, written by the client, and so it stays here. One that ends elsewhere than the upstream was told is the
/// last thing on its connection.
Text Http1::settle_framing(Exchange& exchange, Text lines, Text framing) {
    const Text own = framing_in(exchange.arena(), lines);
    const bool is_taken_away = is_chunked_request_ ? conf_.head->sets_coding : conf_.head->sets_length;
    is_bodiless_ = own.empty() && is_taken_away;
    is_misframed_ = !own.empty() && !text::iequals(own, framing);
    return own.empty() && !is_taken_away ? framing : Text{};
}

Text Http1::write_head(Exchange& exchange, Text method, Text framing) {
    http::Request& request = exchange.request();
    const HeadTemplate& head = *conf_.head;
    const std::span<Text> values = exchange.arena().make_array<Text>(head.parts.size());
    size_t room = method.size() + uri.size() + framing.size() + 16;
    for (size_t i = 0; i < head.parts.size(); ++i) {
        const HeadTemplate::Part& part = head.parts[i];
        if (!part.name.empty()) values[i] = part.value.evaluate(request);
        if (!is_one_field(values[i])) values[i] = {};
        room += part.constant.size() + part.name.size() + values[i].size() + 4;
    }
    if (*conf_.pass_request_headers)
        for (const http::Field& field : request.headers) room += field.name.size() + field.value.size() + 4;
    TextBuilder out(exchange.arena().make_bytes(room));
    out.add(method, " ", uri, *conf_.http_version == HttpVersion::v10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (size_t i = 0; i < head.parts.size(); ++i) {
        const HeadTemplate::Part& part = head.parts[i];
        if (part.name.empty()) {
            out.add(part.constant);
        } else if (!values[i].empty()) {
            out.add(part.name, ": ", values[i], "\r\n");
        }
    }
    out.add(head.sets_framing() ? settle_framing(exchange, out.text(), framing) : framing);
    if (*conf_.pass_request_headers)
        for (const http::Field& field : request.headers)
            if (!head.replaced.has(field)) out.add(field.name, ": ", field.value, "\r\n");
    out.add("\r\n");
    return out.text();
}

void Http1::write_body(Exchange& exchange, Text piece, bool is_last, event::Chain& out) {
    if (is_bodiless_) return;
    if (!piece.empty()) {
        body_piece_ = {.begin = piece.data(), .end = piece.data() + piece.size()};
        out.append(body_piece_);
    }
    if (!is_chunked_request_) return;
    request_frames_.release();
    if (!piece.empty()) request_frames_.wrap(exchange.arena(), out);
    if (is_last) out.add(exchange.arena(), last_chunk(exchange));
}

}  // namespace sluice::proxy
