// Http1: the protocol of http_proxy: HTTP/1.1 or 1.0 to the upstream (RFC 9112).
#pragma once

#include <sluice/http/h1/chunk_frames.h>
#include <sluice/http/h1/chunked.h>
#include <sluice/http/h1/framing.h>
#include <sluice/http/h1/head.h>
#include <sluice/http/upstream/exchange.h>

#include "conf.h"
#include "trailers.h"

namespace sluice::proxy {

class Http1 final : public http::upstream::Protocol {
 public:
    explicit Http1(const ProxyConf& conf) : conf_(conf) {}

    /// What is asked for.
    Text uri;

    bool write_request(http::upstream::Exchange& exchange, event::Chain& out) override;
    void write_body(http::upstream::Exchange& exchange, Text piece, bool is_last, event::Chain& out) override;
    void begin_answer(http::upstream::Exchange& exchange) override;
    http::upstream::HeadState read_head(http::upstream::Exchange& exchange, Text& bytes) override;
    http::upstream::BodyState read_body(http::upstream::Exchange& exchange, Text& bytes, Text& piece) override;
    bool ends_at_close() const override { return framing_.kind == http::h1::BodyKind::until_close; }
    bool can_keep() const override { return keeps_; }
    Text rewrite(http::upstream::Exchange& exchange, const http::Field& field) override {
        return rewrite_field(exchange, conf_, field);
    }

 private:
    struct Line {
        Text name;
        Text value;
    };
    Text write_head(http::upstream::Exchange& exchange, Text method, Text framing);
    bool passes_trailer(const http::Field& field) const;
    bool passes_trailers(const http::Request& request) const;
    bool may_bring_trailers(const http::Request& request) const;
    Text last_chunk(http::upstream::Exchange& exchange) const;
    Text framing_line(http::upstream::Exchange& exchange, const Text* own_body);
    Text settle_framing(http::upstream::Exchange& exchange, Text lines, Text framing);
    Text keep(http::upstream::Exchange& exchange, Text bytes);
    http::upstream::HeadState step_head(http::upstream::Exchange& exchange);
    void complain(http::upstream::Exchange& exchange) const;
    http::upstream::HeadState finish_head(http::upstream::Exchange& exchange);
    void store(http::upstream::Exchange& exchange);

    const ProxyConf& conf_;
    http::h1::ResponseHeadParser parser_;
    http::h1::ChunkedDecoder chunks_{http::h1::Sender::upstream};
    http::h1::FramingFields fields_;
    http::h1::BodyFraming framing_;
    char* buffer_ = nullptr;
    size_t capacity_ = 0;
    size_t size_ = 0;
    uint64_t left_ = 0;
    Trailers trailers_;
    http::Version version_;
    event::Buffer body_piece_;  ///< of a streamed body, on its way
    http::h1::ChunkFrames request_frames_;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    bool keeps_ = false;
    bool is_chunked_request_ = false;
    bool is_bodiless_ = false;   ///< the configuration has taken away what would tell where the body ends
    bool is_misframed_ = false;  ///< or says something else about it
    bool asks_for_head_ = false;
};

}  // namespace sluice::proxy
