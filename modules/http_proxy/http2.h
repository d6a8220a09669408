// Http2: the protocol of http_proxy with `proxy_http_version 2`: what a stream of HTTP/2 has to say (RFC 9113 §8).
#pragma once

#include <sluice/http/upstream/field_protocol.h>

#include "conf.h"

namespace sluice::proxy {

class Http2 final : public http::upstream::FieldProtocol {
 public:
    explicit Http2(const ProxyConf& conf)
        : FieldProtocol({.fields = *conf.fields,
                         .most = conf.buffer_size->size(),
                         .passes_fields = *conf.pass_request_headers,
                         .passes_body = *conf.pass_request_body,
                         .passes_trailers = *conf.pass_trailers}),
          conf_(conf) {}

    bool write_request(http::upstream::Exchange& exchange, event::Chain& out) override;
    Text rewrite(http::upstream::Exchange& exchange, const http::Field& field) override {
        return rewrite_field(exchange, conf_, field);
    }

 private:
    const ProxyConf& conf_;
};

}  // namespace sluice::proxy
