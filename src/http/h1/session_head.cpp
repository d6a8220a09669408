// h1::Session: from the first byte of a request to the start of its phases.
#include <cstring>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/fields/host.h"
#include "http/fields/token_list.h"
#include "http/h1/framing.h"
#include "http/h1/session.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/uri/normalize.h"

namespace sluice::http::h1 {

void Session::begin_head() {
    connection_.become_busy();
    ++connection_.requests;
    state_ = State::head;
    request_ = arena_.make<Request>(arena_, connection_, *this, connection_.http());
    request_->use_server(*connection_.address().default_server);
    request_->is_pipelined = is_pipelined_;
    request_->set_action("reading client request line");
    head_ = RequestHeadParser();
    body_.begin_empty();
    const auto& server = request_->conf<ServerConf>();
    head_capacity_ = static_cast<uint32_t>(server.client_header_buffer_size->count);
    head_buffer_ = arena_.make_bytes(head_capacity_).data();
    head_size_ = large_buffers_ = header_count_ = 0;
    sent_before_ = connection_.transport().bytes_sent();
    keeps_alive_ = is_over_ = is_broken_ = wants_body_ = is_body_paused_ = expects_continue_ = is_chunked_ = false;
    connection_.start_timer(*server.client_header_timeout);
}

Text Session::read_head(Text bytes) {
    for (;;) {
        const size_t taken = std::min<size_t>(bytes.size(), head_capacity_ - head_size_);
        std::memcpy(head_buffer_ + head_size_, bytes.data(), taken);
        head_size_ += static_cast<uint32_t>(taken);
        bytes.remove_prefix(taken);
        HeadStep step;
        while ((step = head_.next({head_buffer_, head_size_})) == HeadStep::header || step == HeadStep::first_line) {
            if (step == HeadStep::first_line) {
                store_first_line();
            } else if (!store_header()) {
                return {};
            }
        }
        switch (step) {
            case HeadStep::need_more:
                if (head_size_ == head_capacity_ && !grow_head_buffer()) return {};
                if (bytes.empty()) return {};
                break;
            case HeadStep::failed: refuse_malformed(); return {};
            case HeadStep::done: {
                // What was copied too far goes back: it is the body, or the next request.
                const size_t behind = head_size_ - head_.end();
                bytes = Text(bytes.data() - behind, bytes.size() + behind);
                begin_exchange();
                return bytes;
            }
            case HeadStep::first_line:
            case HeadStep::header: break;
        }
    }
}

// As nginx: a request line or a single header must fit into one large buffer, and there are only so many of them.
bool Session::grow_head_buffer() {
    const auto& buffers = *request_->conf<ServerConf>().large_client_header_buffers;
    const auto size = static_cast<uint32_t>(buffers.size.count);
    const uint32_t begin = head_.element_begin();
    const uint32_t unfinished = head_size_ - begin;
    if (unfinished >= size || large_buffers_ >= buffers.number) {
        refuse_oversized();
        return false;
    }
    ++large_buffers_;
    char* larger = arena_.make_bytes(size).data();
    std::memcpy(larger, head_buffer_ + begin, unfinished);
    request_->head_length += begin;
    head_buffer_ = larger;
    head_capacity_ = size;
    head_size_ = unfinished;
    head_.rebase(0);
    return true;
}

void Session::store_first_line() {
    const Text buffer{head_buffer_, head_size_};
    const RequestLine& line = head_.first_line();
    Request& request = *request_;
    request.request_line = line.line.in(buffer);
    request.method = line.method;
    request.method_name = line.method_name.in(buffer);
    request.version = line.version;
    request.protocol = line.protocol.in(buffer);
    request.set_action("reading client request headers");
    target_ = {line.uri.in(buffer),
               line.path.in(buffer),
               line.args.in(buffer),
               line.host.in(buffer),
               line.port.in(buffer),
               line.path_marks,
               line.form,
               line.has_args};
}

bool Session::store_header() {
    const Text buffer{head_buffer_, head_size_};
    const HeaderLine& line = head_.header();
    const auto& server = request_->conf<ServerConf>();
    if (++header_count_ > *server.max_headers) {
        request_->log().info("client sent too many header lines");
        refuse(400, {});
        return false;
    }
    const bool is_valid =
        line.form == NameForm::plain || (line.form == NameForm::underscored && *server.underscores_in_headers);
    if (!is_valid && *server.ignore_invalid_headers) {
        request_->log().info("client sent invalid header line: \"", line.name.in(buffer), ": ", line.value.in(buffer),
                             "\"");
        return true;
    }
    request_->headers.add(arena_, Field{.name = line.name.in(buffer),
                                        .value = line.value.in(buffer),
                                        .hash = line.hash,
                                        .known = line.known,
                                        .next = nullptr});
    return true;
}

void Session::refuse(uint16_t status, Text why) {
    if (!why.empty()) request_->log().info(why);
    request_->keeps_alive = false;
    keeps_alive_ = false;
    state_ = State::exchange;
    connection_.stop_timer();
    if (!request_->is_answering()) request_->begin_answer();
    request_->finish(status);
}

void Session::refuse_malformed() {
    const Refusal refusal = head_.refusal();
    if (head_.is_in_first_line()) {
        const Text seen{head_buffer_ + head_.element_begin(), head_size_ - head_.element_begin()};
        request_->request_line = seen.substr(0, seen.find_first_of("\r\n"));
        request_->version = kHttp10;
        if (seen.starts_with("HEAD ")) request_->method = Method::head;
        refuse(refusal.status, refusal.text);
        return;
    }
    const uint32_t begin = head_.element_begin();
    const Text line{head_buffer_ + begin, std::min(head_.end() + 1, head_size_) - begin};
    request_->log().info(refusal.text, ": \"", line, "\"");
    refuse(refusal.status, {});
}

void Session::refuse_oversized() {
    if (head_.is_in_first_line()) {
        request_->request_line = Text{head_buffer_, head_size_}.substr(head_.element_begin());
        refuse(414, "client sent too long URI");
    } else {
        const Text line{head_buffer_ + head_.element_begin(), head_size_ - head_.element_begin()};
        request_->log().info("client sent too long header line: \"", line.substr(0, 100), "...\"");
        refuse(kStatusHeaderTooLarge, {});
    }
}

void Session::begin_exchange() {
    Request& request = *request_;
    request.begin_answer();
    request.head_length += head_.end();
    state_ = State::exchange;
    connection_.stop_timer();
    request.set_action({});
    if (!choose_server() || !settle_target() || !settle_framing()) return;
    request_->parsed_uri = request_->uri;
    request_->parsed_args = request_->args;
    settle_persistence();
    if (request.method == Method::trace || request.method == Method::connect) {
        request.log().info("client sent ", request.method_name, " method");
        refuse(405, {});
        return;
    }
    request.http().phases.start(request, Phase::post_read);
}

// RFC 9112 §3.2: the target's host wins over Host; there must be exactly one Host in HTTP/1.1, and it must be valid.
bool Session::choose_server() {
    Request& request = *request_;
    const Field* field = nullptr;
    for (const Field& header : request.headers) {
        if (header.known != KnownHeader::host) continue;
        if (field != nullptr) {
            request.log().info("client sent duplicate host header: \"", header.name, ": ", header.value,
                               "\", previous value: \"", field->name, ": ", field->value, "\"");
            refuse(400, {});
            return false;
        }
        field = &header;
    }
    if (field == nullptr && request.version > kHttp10) {
        refuse(400, "client sent HTTP/1.1 request without \"Host\" header");
        return false;
    }
    std::optional<Authority> authority;
    if (field != nullptr && !(field->value.empty() && request.version <= kHttp10)) {
        authority = parse_authority(field->value);
        if (!authority) {
            refuse(400, "client sent invalid host header");
            return false;
        }
    }
    if (!target_.host.empty()) authority = Authority{.host = target_.host, .port = target_.port};
    if (!authority) {
        const Server* nameless = connection_.address().names.find("", &request);
        if (nameless != nullptr) request.use_server(*nameless);
        return true;
    }
    request.host = lower_case_host(authority->host, arena_.make_bytes(authority->host.size()));
    request.host_port = authority->port;
    const Server* server = connection_.address().names.find(request.host, &request);
    if (server != nullptr) request.use_server(*server);
    return true;
}

bool Session::settle_target() {
    Request& request = *request_;
    request.args = target_.args;
    request.unparsed_uri = target_.uri.empty() ? Text("/") : target_.uri;
    // As nginx: nothing here is asked of the server as a whole (OPTIONS *, RFC 9110 §9.3.7).
    if (target_.form == TargetForm::asterisk) {
        refuse(400, "client sent invalid request");
        return false;
    }
    if (target_.path.empty()) {
        request.uri = "/";
        return true;
    }
    const bool merges = *request.conf<ServerConf>().merge_slashes;
    if (target_.marks.traits.is_normal(merges)) {
        request.uri = target_.path;
        return true;
    }
    const uri::NormalPath normal =
        uri::normalize_path(target_.path, merges, arena_.make_bytes(target_.path.size() + 1));
    if (!normal.ok()) {
        refuse(400, "client sent invalid request");
        return false;
    }
    request.uri = normal.path;
    return true;
}

// RFC 9112 §6.3: whatever lets two servers disagree about where the message ends is refused.
bool Session::settle_framing() {
    Request& request = *request_;
    FramingFields fields;
    for (const Field& field : request.headers) {
        if (field.known == KnownHeader::content_length) fields.add_content_length(field.value);
        if (field.known == KnownHeader::transfer_encoding) fields.add_transfer_encoding(field.value);
    }
    const BodyFraming framing = fields.judge_request(request.version);
    if (framing.error != FramingError::none) {
        const Refusal refusal = refusal_of(framing.error, Sender::client);
        refuse(refusal.status, refusal.text);
        return false;
    }
    switch (framing.kind) {
        case BodyKind::none:
        case BodyKind::until_close: body_.begin_empty(); break;
        case BodyKind::sized:
            body_.begin_length(static_cast<int64_t>(framing.size));
            request.body.framing = framing.size != 0 ? RequestBody::Framing::length : RequestBody::Framing::none;
            request.body.announced_length = static_cast<int64_t>(framing.size);
            break;
        case BodyKind::chunked:
            body_.begin_chunked();
            request.body.framing = RequestBody::Framing::chunked;
            break;
    }
    return settle_expectation();
}

// RFC 9110 §10.1.1: what we can't meet is answered with 417; HTTP/1.0 knows no expectations.
bool Session::settle_expectation() {
    const Field* expect = request_->headers.find(KnownHeader::expect);
    if (expect == nullptr || request_->version < kHttp11) return true;
    expects_continue_ = text::iequals(expect->value, "100-continue");
    if (expects_continue_) return true;
    request_->log().info("client sent unknown expectation: \"", expect->value, "\"");
    refuse(417, {});
    return false;
}

void Session::settle_persistence() {
    Request& request = *request_;
    ConnectionOptions options;
    for (const Field& field : request.headers)
        if (field.known == KnownHeader::connection) add_connection(options, field.value);
    if (options.has_close) {
        request.keeps_alive = false;
    } else {
        request.keeps_alive = request.version >= kHttp11 || (options.has_keep_alive && request.version == kHttp10);
    }
}

}  // namespace sluice::http::h1
