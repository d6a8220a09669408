// SetHeader: `P_set_header NAME VALUE`, a field of requests to upstreams.
#pragma once

#include "core/conf/sequence.h"
#include "core/script/complex_value.h"

namespace sluice::http::upstream {

struct SetHeader {
    Text name;
    script::Complex value;
};

}  // namespace sluice::http::upstream

namespace sluice::conf {
template <>
struct Value<http::upstream::SetHeader> {
    static constexpr Text kSyntax = "field value";
    static constexpr uint8_t kLeastWords = 2;
    static constexpr uint8_t kMostWords = 2;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, http::upstream::SetHeader& out) {
        out.name = words[0].text;
        return Value<script::Complex>::parse(parser, row, words.subspan(1), out.value);
    }
};
}  // namespace sluice::conf
