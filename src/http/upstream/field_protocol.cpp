// FieldProtocol.
#include "http/upstream/field_protocol.h"

#include "http/connection_names.h"
#include "http/fields/field_value.h"
#include "http/fields/token.h"
#include "http/fields/token_list.h"
#include "http/upstream/exchange.h"
#include "http/upstream/loggable.h"

namespace sluice::http::upstream {

namespace {

/// As RFC 9113 §6.5.2 counts a list of fields.
constexpr size_t kFieldOverhead = 32;
/// Bytes of a name or value in a log line.
constexpr size_t kShown = 100;

Text lower(Arena& arena, Text name) {
    bool is_lower = true;
    for (const char c : name) is_lower &= text::to_lower(c) == c;
    if (is_lower) return name;
    const std::span<char> made = arena.make_bytes(name.size());
    for (size_t i = 0; i < name.size(); ++i) made[i] = text::to_lower(name[i]);
    return {made.data(), made.size()};
}

}  // namespace

// --- the request ---

/// Values of variables may be anything; what can't be a field stays behind.
void FieldProtocol::add(Text name, Text value, bool is_never_indexed) {
    if (is_field_value(value)) fields_[field_count_++] = {name, text::trim(value), is_never_indexed};
}

/// Empty: it is not known, or there is no body.
Text FieldProtocol::length_of(Exchange& exchange) {
    const Request& request = exchange.request();
    const RequestBody& body = request.body;
    const auto number = [&](int64_t size) { return TextBuilder(exchange.arena().make_bytes(20)).add(size).text(); };
    using Framing = RequestBody::Framing;
    if (own_body.data() != nullptr) return number(static_cast<int64_t>(own_body.size()));
    if (body.is_discarded() || !options_.passes_body) return {};
    if (body.framing == Framing::none)
        return request.headers.find(KnownHeader::content_length) != nullptr ? number(0) : Text{};
    if (!exchange.streams_body()) return number(body.chain().size());
    return body.framing == Framing::length ? number(body.announced_length) : Text{};
}

void FieldProtocol::add_client_fields(Request& request) {
    const ConnectionNames of_connection(request.arena(), request.headers);
    for (const Field& field : request.headers) {
        if (options_.fields.replaced.has(field) || of_connection.has(field) || !is_token(field.name)) continue;
        add(field.known != KnownHeader::none ? lower_name_of(field.known) : lower(request.arena(), field.name),
            field.value, field.is_never_indexed);
    }
}

bool FieldProtocol::write_request(Exchange& exchange, event::Chain& out) {
    Request& request = exchange.request();
    const FieldTemplate& made = options_.fields;
    constexpr size_t kOthers = 6;
    fields_ = exchange.arena().make_array<NameValue>(made.parts.size() + request.headers.size() + kOthers);
    field_count_ = 0;
    const Text host = made.authority != nullptr ? made.authority->evaluate(request) : authority;
    add(":method", method);
    add(":scheme", scheme);
    // RFC 9113 §8.3.1: path and query; HTTP/1 has let a fragment through, as nginx does.
    add(":path", path.substr(0, path.find('#')), request.is_path_never_indexed);
    if (!host.empty()) add(":authority", host);
    for (const FieldTemplate::Part& part : made.parts) {
        const Text value = part.value.evaluate(request);
        if (!value.empty()) add(part.name, value);
    }
    if (!made.sets_length) {
        if (const Text length = length_of(exchange); !length.empty()) add("content-length", length);
    }
    // RFC 9110 §10.1.4: only a client that takes trailers says so; nothing else may be said in HTTP/2.
    const Field* te = request.headers.find(KnownHeader::te);
    if (!made.sets_te && te != nullptr && options_.passes_fields && has_element(te->value, "trailers"))
        add("te", "trailers");
    if (options_.passes_fields) add_client_fields(request);
    if (own_body.data() != nullptr) {
        out.add(exchange.arena(), own_body);
    } else if (options_.passes_body && !request.body.is_discarded() && !exchange.streams_body()) {
        // The collected body stays as it is: another try may send it again.
        out.add_copy(exchange.arena(), request.body.chain());
    }
    return true;
}

void FieldProtocol::write_body(Exchange&, Text piece, bool, event::Chain& out) {
    if (piece.empty()) return;
    body_piece_ = {.begin = piece.data(), .end = piece.data() + piece.size()};
    out.append(body_piece_);
}

/// Fields that others look for in front of the body, or that the configuration sets, must not come in behind its
/// back.
bool FieldProtocol::passes_request_trailer(const Field& field) const {
    return field.known == KnownHeader::none && !options_.fields.replaced.has(field) && is_token(field.name) &&
           is_field_value(field.value);
}

std::span<const NameValue> FieldProtocol::request_trailers(Exchange& exchange) {
    Request& request = exchange.request();
    if (!options_.passes_fields || !options_.passes_body || own_body.data() != nullptr || request.trailers.empty())
        return {};
    const std::span<NameValue> made = exchange.arena().make_array<NameValue>(request.trailers.size());
    size_t count = 0;
    for (const Field& field : request.trailers)
        if (passes_request_trailer(field))
            made[count++] = {lower(exchange.arena(), field.name), field.value, field.is_never_indexed};
    return made.first(count);
}

// --- the answer ---

void FieldProtocol::begin_answer(Exchange&) {
    size_ = 0;
    status_ = 0;
    head_ = Head::open;
    is_ended_ = is_broken_ = false;
}

void FieldProtocol::invalidate() {
    if (head_ == Head::open) {
        head_ = Head::invalid;
    } else {
        is_broken_ = true;
    }
}

FieldProtocol::Outcome FieldProtocol::refuse(Exchange& exchange, Text what, Text name, Text value) {
    Arena& arena = exchange.arena();
    const Text line = arena.concat(name.substr(0, kShown), ": ", value.substr(0, kShown));
    exchange.request().log().error(0, "upstream sent ", what, ": \"", loggable(arena, line), "\"");
    invalidate();
    return Outcome::malformed;
}

FieldProtocol::Outcome FieldProtocol::refuse_size(Exchange& exchange) {
    exchange.request().log().error(0, "upstream sent too big ", head_ == Head::done ? "trailers" : "header");
    invalidate();
    return Outcome::too_large;
}

void FieldProtocol::refuse_field(Exchange& exchange, Text name, Text value) {
    refuse(exchange, head_ == Head::open ? "invalid header" : "invalid trailer", name, value);
}

void FieldProtocol::refuse_answer(Exchange& exchange, Text why) {
    exchange.request().log().error(0, "upstream sent invalid HTTP/2", why.empty() ? "" : ": ", why);
    invalidate();
}

FieldProtocol::Outcome FieldProtocol::add_field(Exchange& exchange, const NameValue& line) {
    const auto& [name, value, is_never_indexed] = line;
    if (head_ == Head::invalid || is_broken_) return Outcome::malformed;
    const bool is_trailer = head_ == Head::done;
    size_ += name.size() + value.size() + kFieldOverhead;
    // Interim answers count as well: there may be any number of them.
    if (size_ > options_.most) return refuse_size(exchange);
    if (name == ":status") {
        const std::optional<uint64_t> number = text::parse_uint(value);
        if (!number || value.size() != 3 || *number < 100 || *number == 101)
            return refuse(exchange, "invalid :status", name, value);
        status_ = static_cast<uint16_t>(*number);
        return Outcome::taken;
    }
    if (!is_token(name) || !is_field_value(value)) {
        refuse_field(exchange, name, value);
        return Outcome::malformed;
    }
    if (is_trailer && !options_.passes_trailers) return Outcome::taken;
    Arena& arena = exchange.arena();
    Field field{.name = {}, .value = arena.copy(value), .hash = header_name_hash(name)};
    field.known = find_known_header(name, field.hash);
    field.is_never_indexed = is_never_indexed;
    field.name = field.known == KnownHeader::none ? arena.copy(name) : lower_name_of(field.known);
    if (is_trailer) {
        exchange.add_trailer(field);
    } else {
        exchange.answer.headers.add(arena, field);
    }
    return Outcome::taken;
}

void FieldProtocol::end_block(Exchange& exchange, size_t size) {
    exchange.count_received(size);
    if (head_ != Head::open) return;
    Answer& answer = exchange.answer;
    if (status_ < 200) {
        // An interim answer (RFC 9110 §15.2): the final one follows.
        if (status_ == 103) pass_early_hints(exchange, answer.headers);
        answer.headers.clear();
        return;
    }
    head_ = Head::done;
    size_ = 0;
    answer.status = status_;
    answer.has_no_body = text::iequals(method, "HEAD") || status_ == 204 || status_ == 304;
    if (const Field* length = answer.headers.find(KnownHeader::content_length)) {
        // The stream has checked it, and compares.
        if (const std::optional<uint64_t> number = text::parse_uint(length->value); number && *number <= INT64_MAX)
            answer.content_length = static_cast<int64_t>(*number);
    }
    answer.settle_length(exchange.request());
}

HeadState FieldProtocol::read_head(Exchange& exchange, Text&) {
    switch (head_) {
        case Head::open: return HeadState::more;
        case Head::done: return HeadState::done;
        case Head::invalid: break;
    }
    exchange.answer.status = 0;
    return HeadState::invalid;
}

BodyState FieldProtocol::read_body(Exchange& exchange, Text& bytes, Text& piece) {
    if (is_broken_) return BodyState::invalid;
    if (!bytes.empty()) {
        piece = bytes;
        bytes = {};
        return BodyState::data;
    }
    // Where there is no body, nothing is waited for, as with HTTP/1: the end of the stream may come later, or never.
    return is_ended_ || exchange.answer.has_no_body ? BodyState::done : BodyState::more;
}

}  // namespace sluice::http::upstream
