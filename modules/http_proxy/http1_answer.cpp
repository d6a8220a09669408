// Http1: the answer: its head, and the framing of its body.
#include <algorithm>
#include <cstring>

#include <sluice/http/fields/token_list.h>
#include <sluice/http/server_connection.h>
#include <sluice/http/upstream/loggable.h>

#include "http1.h"

namespace sluice::proxy {

using http::KnownHeader;
using http::h1::BodyKind;
using http::h1::HeadStep;
using http::upstream::BodyState;
using http::upstream::Exchange;
using http::upstream::HeadState;

void Http1::begin_answer(Exchange&) {
    parser_ = http::h1::ResponseHeadParser();
    fields_ = {};
    framing_ = {};
    buffer_ = nullptr;
    size_ = capacity_ = 0;
    says_close_ = says_keep_alive_ = keeps_ = false;
}

/// Takes bytes into memory that lives as long as the request, as many as the head may have. Usually the whole head is
/// there at once, and no more than it is copied.
Text Http1::keep(Exchange& exchange, Text bytes) {
    const auto most = conf_.buffer_size->size();
    size_t wanted = std::min(bytes.size(), most - size_);
    if (buffer_ == nullptr) {
        const size_t end = bytes.substr(0, wanted).find("\r\n\r\n");
        if (end != Text::npos) wanted = end + 4;
        capacity_ = end != Text::npos ? wanted : most;
        buffer_ = exchange.arena().make_bytes(capacity_).data();
    } else if (size_ + wanted > capacity_) {
        char* larger = exchange.arena().make_bytes(most).data();
        std::memcpy(larger, buffer_, size_);
        buffer_ = larger;
        capacity_ = most;
    }
    std::memcpy(buffer_ + size_, bytes.data(), wanted);
    size_ += wanted;
    return bytes.substr(wanted);
}

HeadState Http1::read_head(Exchange& exchange, Text& bytes) {
    while (!bytes.empty()) {
        if (size_ >= conf_.buffer_size->size()) {
            exchange.request().log().error(0, "upstream sent too big header");
            return HeadState::invalid;
        }
        const Text all = bytes;
        const size_t before = size_;
        bytes = keep(exchange, bytes);
        const HeadState state = step_head(exchange);
        if (state == HeadState::done) {
            // What was copied behind the head's end belongs to the body.
            bytes = all.substr(parser_.end() - before);
            return state;
        }
        if (state == HeadState::invalid) return state;
    }
    if (size_ < conf_.buffer_size->size()) return HeadState::more;
    exchange.request().log().error(0, "upstream sent too big header");
    return HeadState::invalid;
}

/// Of a header line, nginx shows what came before the offending byte; we show the beginning of a bad status line,
/// too.
void Http1::complain(Exchange& exchange) const {
    const Text buffer{buffer_, size_};
    const Log log = exchange.request().log();
    const auto shown = [&](Text text) { return http::upstream::loggable(exchange.arena(), text); };
    if (parser_.is_in_first_line()) {
        constexpr size_t kShown = 64;
        log.error(0, parser_.refusal().text, ": \"", shown(buffer.substr(parser_.element_begin(), kShown)), "\"");
    } else {
        log.error(0, parser_.refusal().text, ": \"", shown(parser_.accepted(buffer)), "\\x",
                  Hex{parser_.offender(buffer), 2}, "...\"");
    }
}

HeadState Http1::step_head(Exchange& exchange) {
    for (;;) {
        switch (parser_.next({buffer_, size_})) {
            case HeadStep::need_more: return HeadState::more;
            case HeadStep::first_line: break;
            case HeadStep::header:
                if (parser_.header().form != http::h1::NameForm::not_a_token) store(exchange);
                break;
            case HeadStep::failed: complain(exchange); return HeadState::invalid;
            case HeadStep::done: {
                const uint16_t code = parser_.first_line().code;
                if (code >= 200 || code == 101) return finish_head(exchange);
                // An interim answer (RFC 9110 §15.2): the final one follows.
                if (code == 103) http::upstream::pass_early_hints(exchange, exchange.answer.headers);
                parser_ = http::h1::ResponseHeadParser(parser_.end());
                fields_ = {};
                exchange.answer.headers.clear();
                says_close_ = says_keep_alive_ = false;
                break;
            }
        }
    }
}

void Http1::store(Exchange& exchange) {
    const http::h1::HeaderLine& line = parser_.header();
    const Text buffer{buffer_, size_};
    http::Field field{
        .name = line.name.in(buffer), .value = line.value.in(buffer), .hash = line.hash, .known = line.known};
    if (line.known == KnownHeader::content_length) fields_.add_content_length(field.value);
    if (line.known == KnownHeader::transfer_encoding) fields_.add_transfer_encoding(field.value);
    if (line.known == KnownHeader::connection) {
        http::ConnectionOptions options;
        http::add_connection(options, field.value);
        says_close_ |= options.has_close;
        says_keep_alive_ |= options.has_keep_alive;
    }
    exchange.answer.headers.add(exchange.arena(), field);
}

HeadState Http1::finish_head(Exchange& exchange) {
    http::Request& request = exchange.request();
    http::upstream::Answer& answer = exchange.answer;
    const auto& line = parser_.first_line();
    const Text buffer{buffer_, size_};
    answer.status = line.code;
    answer.status_line = line.status.in(buffer);
    version_ = line.version;
    answer.has_no_body = asks_for_head_ || line.code < 200 || line.code == 204 || line.code == 304;
    framing_ = fields_.judge_response(version_, answer.has_no_body);
    if (framing_.error != http::h1::FramingError::none) {
        request.log().error(0, http::h1::refusal_of(framing_.error, http::h1::Sender::upstream).text);
        answer.status = 0;
        return HeadState::invalid;
    }
    if (line.code == 101) {
        // Of HTTP/1.0 as well, despite RFC 9110 §7.8: such a request may come from an nginx that speaks no other
        // version to its upstreams by default, and is told to pass the field.
        if (request.headers.find(KnownHeader::upgrade) == nullptr || !request.is_main()) {
            request.log().error(0, "upstream switched protocols without being asked to");
            answer.status = 0;
            return HeadState::invalid;
        }
        exchange.is_upgrade = true;
    }
    if (framing_.kind == BodyKind::sized || answer.has_no_body)
        answer.content_length = fields_.content_length() ? static_cast<int64_t>(*fields_.content_length())
                                                         : http::Response::kUnknownLength;
    answer.settle_length(request);
    left_ = framing_.size;
    using Handling = http::h1::Trailers;
    chunks_ = http::h1::ChunkedDecoder(http::h1::Sender::upstream,
                                       *conf_.pass_trailers ? Handling::report : Handling::discard);
    trailers_ = {};
    const bool asked_to_keep = *conf_.http_version == HttpVersion::v11 || conf_.head->says_keep_alive;
    keeps_ = asked_to_keep && !is_misframed_ && !framing_.must_close && !says_close_ &&
             (version_ >= http::kHttp11 || says_keep_alive_);
    return HeadState::done;
}

BodyState Http1::read_body(Exchange& exchange, Text& bytes, Text& piece) {
    switch (framing_.kind) {
        case BodyKind::none: return BodyState::done;
        case BodyKind::until_close:
            if (bytes.empty()) return BodyState::more;
            piece = bytes;
            bytes = {};
            return BodyState::data;
        case BodyKind::sized:
            if (left_ == 0) return BodyState::done;
            if (bytes.empty()) return BodyState::more;
            piece = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
            bytes.remove_prefix(piece.size());
            left_ -= piece.size();
            return BodyState::data;
        case BodyKind::chunked: break;
    }
    switch (chunks_.next(bytes, piece)) {
        case http::h1::ChunkEvent::data: return BodyState::data;
        case http::h1::ChunkEvent::done: return BodyState::done;
        case http::h1::ChunkEvent::need_more: return BodyState::more;
        case http::h1::ChunkEvent::trailers: return trailers_.read(exchange, bytes, conf_.buffer_size->size());
        case http::h1::ChunkEvent::failed: break;
    }
    exchange.request().log().error(0, chunks_.refusal().text);
    return BodyState::invalid;
}

}  // namespace sluice::proxy
