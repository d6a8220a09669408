// h1::Session: from the first byte of a request to the start of its phases.
#include <cstring>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/fields/host.h"
#include "http/fields/token_list.h"
#include "http/h1/exchange.h"
#include "http/h1/framing.h"
#include "http/h1/session.h"
#include "http/request.h"
#include "http/request_start.h"
#include "http/server_connection.h"

namespace sluice::http::h1 {

void Session::begin_head() {
    connection_.become_busy();
    ++connection_.requests;
    state_ = State::head;
    exchange_ = arena_.make<Exchange>(arena_, connection_, *this);
    Exchange& exchange = *exchange_;
    exchange.request.use_server(connection_.server());
    exchange.request.is_pipelined = is_pipelined_;
    exchange.request.set_action("reading client request line");
    exchange.body.begin_empty();
    const auto& server = exchange.request.conf<ServerConf>();
    exchange.head_capacity = static_cast<uint32_t>(server.client_header_buffer_size->count);
    exchange.head_buffer = arena_.make_bytes(exchange.head_capacity).data();
    exchange.sent_before = connection_.transport().user_bytes_sent();
    is_over_ = is_broken_ = false;
    connection_.start_timer(*server.client_header_timeout);
}

Text Session::read_head(Text bytes) {
    Exchange& exchange = *exchange_;
    for (;;) {
        const size_t taken = std::min<size_t>(bytes.size(), exchange.head_capacity - exchange.head_size);
        std::memcpy(exchange.head_buffer + exchange.head_size, bytes.data(), taken);
        exchange.head_size += static_cast<uint32_t>(taken);
        bytes.remove_prefix(taken);
        HeadStep step;
        while ((step = exchange.head.next({exchange.head_buffer, exchange.head_size})) == HeadStep::header ||
               step == HeadStep::first_line) {
            if (step == HeadStep::first_line ? !store_first_line() : !store_header()) return {};
        }
        switch (step) {
            case HeadStep::need_more:
                if (exchange.head_size == exchange.head_capacity && !grow_head_buffer()) return {};
                if (bytes.empty()) return {};
                break;
            case HeadStep::failed: refuse_malformed(); return {};
            case HeadStep::done: {
                // What was copied too far goes back: it is the body, or the next request.
                const size_t behind = exchange.head_size - exchange.head.end();
                bytes = Text(bytes.data() - behind, bytes.size() + behind);
                begin_exchange(bytes);
                return bytes;
            }
            case HeadStep::first_line:
            case HeadStep::header: break;
        }
    }
}

// As nginx: a request line or a single header must fit into one large buffer, and there are only so many of them.
bool Session::grow_head_buffer() {
    Exchange& exchange = *exchange_;
    const auto& buffers = *exchange.request.conf<ServerConf>().large_client_header_buffers;
    const auto size = static_cast<uint32_t>(buffers.size.count);
    const uint32_t begin = exchange.head.element_begin();
    const uint32_t unfinished = exchange.head_size - begin;
    if (unfinished >= size || exchange.large_buffers >= buffers.number) {
        refuse_oversized();
        return false;
    }
    ++exchange.large_buffers;
    char* larger = arena_.make_bytes(size).data();
    std::memcpy(larger, exchange.head_buffer + begin, unfinished);
    exchange.request.head_length += exchange.complete_lines();
    exchange.head_buffer = larger;
    exchange.head_capacity = size;
    exchange.head_size = unfinished;
    exchange.head.rebase(0);
    return true;
}

/// False: refused.
bool Session::store_first_line() {
    Exchange& exchange = *exchange_;
    const Text buffer{exchange.head_buffer, exchange.head_size};
    const RequestLine& line = exchange.head.first_line();
    Request& request = exchange.request;
    request.request_line = line.line.in(buffer);
    request.head_length -= line.line.begin;  // empty lines are no part of the request
    request.method = line.method;
    request.method_name = line.method_name.in(buffer);
    request.version = line.version;
    request.protocol = line.protocol.in(buffer);
    SLUICE_LOG_DEBUG(request.log(), "http request line: \"", request.request_line, "\"");
    exchange.target = {{line.uri.in(buffer), line.path.in(buffer), line.args.in(buffer), line.path_marks.traits},
                       line.host.in(buffer),
                       line.port.in(buffer),
                       line.form};
    if (!settle_target()) return false;
    request.set_action("reading client request headers");
    return true;
}

bool Session::store_header() {
    Exchange& exchange = *exchange_;
    const Text buffer{exchange.head_buffer, exchange.head_size};
    const HeaderLine& line = exchange.head.header();
    const auto& server = exchange.request.conf<ServerConf>();
    if (++exchange.header_count > *server.max_headers) {
        exchange.request.log().info("client sent too many header lines");
        refuse(400, {});
        return false;
    }
    const bool is_valid =
        line.form == NameForm::plain || (line.form == NameForm::underscored && *server.underscores_in_headers);
    if (!is_valid && *server.ignore_invalid_headers) {
        exchange.request.log().info("client sent invalid header line: \"", line.name.in(buffer), ": ",
                                    line.value.in(buffer), "\"");
        return true;
    }
    if (is_repeated(exchange.request, line.known, line.name.in(buffer), line.value.in(buffer))) {
        refuse(400, {});
        return false;
    }
    SLUICE_LOG_DEBUG(exchange.request.log(), "http header: \"", line.name.in(buffer), ": ", line.value.in(buffer),
                     "\"");
    if (line.known == KnownHeader::host && !settle_host(line.name.in(buffer), line.value.in(buffer))) return false;
    exchange.request.headers.add(arena_, Field{.name = line.name.in(buffer),
                                               .value = line.value.in(buffer),
                                               .hash = line.hash,
                                               .known = line.known,
                                               .next = nullptr});
    return true;
}

void Session::refuse(uint16_t status, Text why) {
    if (!why.empty()) exchange_->request.log().info(why);
    exchange_->request.keeps_alive = false;
    exchange_->keeps_alive = false;
    state_ = State::exchange;
    connection_.stop_timer();
    if (!exchange_->request.is_answering()) {
        exchange_->request.head_length += exchange_->complete_lines();
        exchange_->request.begin_answer();
    }
    exchange_->request.finish(status);
}

/// For the log, what came of a request line that was not complete or malformed.
void Session::show_first_line() {
    const uint32_t begin = exchange_->head.element_begin();
    const Text seen{exchange_->head_buffer + begin, exchange_->head_size - begin};
    exchange_->request.request_line = seen.substr(0, seen.find_first_of("\r\n"));
}

void Session::refuse_malformed() {
    Exchange& exchange = *exchange_;
    const Refusal refusal = exchange.head.refusal();
    if (exchange.head.is_in_first_line()) {
        show_first_line();
        exchange.request.version = kHttp10;
        if (exchange.request.request_line.starts_with("HEAD ")) exchange.request.method = Method::head;
        refuse(refusal.status, refusal.text);
        return;
    }
    const Text buffer{exchange.head_buffer, exchange.head_size};
    exchange.request.log().info(refusal.text, ": \"", exchange.head.accepted(buffer), "\\x",
                                Hex{exchange.head.offender(buffer), 2}, "...\"");
    refuse(refusal.status, {});
}

void Session::refuse_oversized() {
    Exchange& exchange = *exchange_;
    if (exchange.head.is_in_first_line()) {
        exchange.request.request_line =
            Text{exchange.head_buffer, exchange.head_size}.substr(exchange.head.element_begin());
        refuse(414, "client sent too long URI");
    } else {
        const Text line{exchange.head_buffer + exchange.head.element_begin(),
                        exchange.head_size - exchange.head.element_begin()};
        exchange.request.log().info("client sent too long header line: \"", line.substr(0, 100), "...\"");
        refuse(kStatusHeaderTooLarge, {});
    }
}

/// `behind`: bytes that came with the head.
void Session::begin_exchange(Text behind) {
    Request& request = exchange_->request;
    request.begin_answer();
    request.head_length += exchange_->head.end();
    state_ = State::exchange;
    connection_.stop_timer();
    if (request.version > kHttp10 && request.headers.find(KnownHeader::host) == nullptr)
        return refuse(400, "client sent HTTP/1.1 request without \"Host\" header");
    if (!settle_framing()) return;
    request.set_action({});
    if (request.host.empty()) http::choose_server(request, std::nullopt);
    if (!judge_beginning(behind)) return;
    settle_persistence();
    if (const uint16_t status = start_phases(request); status != 0) refuse(status, {});
}

// RFC 9112 §3.2: the target's host wins over Host; there must be exactly one Host in HTTP/1.1, and it must be valid.
bool Session::settle_host(Text name, Text value) {
    Request& request = exchange_->request;
    if (const Field* previous = request.headers.find(KnownHeader::host); previous != nullptr) {
        request.log().info("client sent duplicate host header: \"", name, ": ", value, "\", previous value: \"",
                           previous->name, ": ", previous->value, "\"");
        refuse(400, {});
        return false;
    }
    if (value.empty() && request.version <= kHttp10) return true;
    const std::optional<Authority> authority = parse_authority(value);
    if (!authority) {
        // The log shows it; who answers the refusal gets none.
        request.headers.add(arena_, KnownHeader::host, value);
        request.log().info("client sent invalid host header");
        request.headers.remove(KnownHeader::host);
        refuse(400, {});
        return false;
    }
    if (exchange_->target.host.empty()) http::choose_server(request, authority);
    return true;
}

bool Session::settle_target() {
    const Target& target = exchange_->target;
    if (!target.host.empty())
        http::choose_server(exchange_->request, Authority{.host = target.host, .port = target.port});
    const auto refusal = http::settle_target(exchange_->request, target.parts);
    // As nginx: nothing here is asked of the server as a whole (OPTIONS *, RFC 9110 §9.3.7).
    if (!refusal && target.form != TargetForm::asterisk) return true;
    refuse(400, "client sent invalid request");
    return false;
}

// RFC 9112 §6.3: whatever lets two servers disagree about where the message ends is refused.
bool Session::settle_framing() {
    Request& request = exchange_->request;
    FramingFields fields;
    for (const Field& field : request.headers) {
        if (field.known == KnownHeader::content_length) fields.add_content_length(field.value);
        if (field.known == KnownHeader::transfer_encoding) fields.add_transfer_encoding(field.value);
    }
    const BodyFraming framing = fields.judge_request(request.version);
    if (framing.error != FramingError::none) {
        const Refusal refusal = refusal_of(framing.error, Sender::client);
        if (framing.error == FramingError::unknown_coding) {
            const Text coding = request.headers.value(KnownHeader::transfer_encoding);
            request.log().info(refusal.text, ": \"", coding, "\"");
            refuse(refusal.status, {});
        } else {
            refuse(refusal.status, refusal.text);
        }
        return false;
    }
    switch (framing.kind) {
        case BodyKind::none:
        case BodyKind::until_close: exchange_->body.begin_empty(); break;
        case BodyKind::sized:
            exchange_->body.begin_length(static_cast<int64_t>(framing.size));
            request.body.framing = framing.size != 0 ? RequestBody::Framing::length : RequestBody::Framing::none;
            request.body.announced_length = static_cast<int64_t>(framing.size);
            break;
        case BodyKind::chunked:
            exchange_->body.begin_chunked();
            request.body.framing = RequestBody::Framing::chunked;
            break;
    }
    exchange_->is_end_known = true;
    return settle_expectation();
}

/// As nginx: where what came with the head shows that the body is malformed, nobody gets the request.
bool Session::judge_beginning(Text behind) {
    if (exchange_->request.body.framing != RequestBody::Framing::chunked) return true;
    ChunkedDecoder decoder(Sender::client);
    ChunkEvent event = ChunkEvent::data;
    for (Text piece; event == ChunkEvent::data;) event = decoder.next(behind, piece);
    if (event != ChunkEvent::failed) return true;
    const Refusal refusal = decoder.refusal();
    exchange_->request.log().error(0, refusal.text);
    refuse(refusal.status, {});
    return false;
}

bool Session::settle_expectation() {
    const Expectation expectation = expectation_of(exchange_->request);
    exchange_->expects_continue = expectation == Expectation::continue_100;
    if (expectation != Expectation::unknown) return true;
    refuse(417, {});
    return false;
}

void Session::settle_persistence() {
    Request& request = exchange_->request;
    ConnectionOptions options;
    for (const Field& field : request.headers)
        if (field.known == KnownHeader::connection) add_connection(options, field.value);
    if (options.has_close) {
        request.keeps_alive = false;
    } else {
        request.keeps_alive = request.version >= kHttp11 || (options.has_keep_alive && request.version == kHttp10);
    }
    exchange_->client_ends = !request.keeps_alive;
}

}  // namespace sluice::http::h1
