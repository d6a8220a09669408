// HeadTemplate: the header fields of a request to an upstream, prepared when the configuration is read.
#pragma once

#include <sluice/core/conf/sequence.h>
#include <sluice/core/script/complex_value.h>
#include <sluice/http/upstream/name_set.h>
#include <sluice/http/upstream/set_header.h>

namespace sluice::proxy {

using http::upstream::SetHeader;

struct HeadTemplate {
    struct Part {
        Text name;      ///< empty: `constant` is complete
        Text constant;  ///< "Name: value\r\n", several of them where no variable comes between
        script::Complex value;
    };
    std::vector<Part> parts;
    http::upstream::NameSet replaced;  ///< fields of the client that don't go on
    bool sets_length = false;          ///< the configuration decides about Content-Length
    bool sets_coding = false;          ///< and about Transfer-Encoding
    bool says_keep_alive = false;      ///< for HTTP/1.0: the configuration asks for a kept connection

    bool sets_framing() const { return sets_length || sets_coding; }
};

const HeadTemplate* make_head_template(Arena& arena, const conf::Sequence<SetHeader>& set,
                                       const script::Complex& host, bool is_http10);

}  // namespace sluice::proxy
