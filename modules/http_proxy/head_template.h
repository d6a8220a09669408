// HeadTemplate: the header fields of a request to an upstream, prepared when the configuration is read.
#pragma once

#include <sluice/core/conf/sequence.h>
#include <sluice/core/script/complex_value.h>
#include <sluice/http/upstream/name_set.h>

namespace sluice::proxy {

/// `proxy_set_header NAME VALUE`
struct SetHeader {
    Text name;
    script::Complex value;
};

struct HeadTemplate {
    struct Part {
        Text name;      ///< empty: `constant` is complete
        Text constant;  ///< "Name: value\r\n", several of them where no variable comes between
        script::Complex value;
    };
    std::vector<Part> parts;
    http::upstream::NameSet replaced;  ///< fields of the client that don't go on
    bool sets_length = false;          ///< the configuration decides about Content-Length or Transfer-Encoding
    bool says_keep_alive = false;      ///< for HTTP/1.0: the configuration asks for a kept connection
};

const HeadTemplate* make_head_template(Arena& arena, const conf::Sequence<SetHeader>& set,
                                       const script::Complex& host, bool is_http10);

}  // namespace sluice::proxy

namespace sluice::conf {
template <>
struct Value<proxy::SetHeader> {
    static constexpr Text kSyntax = "field value";
    static constexpr uint8_t kLeastWords = 2;
    static constexpr uint8_t kMostWords = 2;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, proxy::SetHeader& out) {
        out.name = words[0].text;
        return Value<script::Complex>::parse(parser, row, words.subspan(1), out.value);
    }
};
}  // namespace sluice::conf
