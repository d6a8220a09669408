// http_headers: adds header fields and trailers to answers, and says how long they are fresh.
//   add_header X-Frame-Options SAMEORIGIN always;  add_trailer X-Time $msec;  expires 1d;  expires modified 24h;
#include "expires.h"

namespace sluice::headers {

namespace {

enum class Joining : uint8_t { off, on, merge };

/// One add_header or add_trailer.
struct Addition {
    Text name;
    http::KnownHeader known = http::KnownHeader::none;
    script::Complex value;
    bool is_always = false;
};
using Additions = conf::Sequence<Addition>;

struct Expires {
    Lifetime lifetime;
    bool is_modified = false;
    script::Complex value;  ///< with variables: read for each answer
};

struct Conf {
    Setting<Additions> headers;
    Setting<Additions> trailers;
    Setting<Joining> join_headers;
    Setting<Joining> join_trailers;
    Setting<Expires> expires;
};

}  // namespace

}  // namespace sluice::headers

namespace sluice::conf {
template <>
struct EnumNames<headers::Joining> {
    static constexpr std::array<Text, 3> names{"off", "on", "merge"};
};
}  // namespace sluice::conf

namespace sluice::headers {

namespace {

using conf::Context;
using conf::Parser;
using http::HeaderVerdict;
using http::KnownHeader;
using http::Request;

Result<void> parse_addition(Parser& parser, Setting<Additions>& field, conf::Arguments words) {
    Addition made{.name = words[0].text, .known = http::find_known_header(words[0].text), .value = {}};
    Result<script::Complex> value =
        script::Complex::compile(parser.arena(), *parser.scope().variables, words[1].text, words[1].at);
    if (!value) {
        parser.point_at(words[1]);
        return value.error();
    }
    made.value = *value;
    if (words.size() == 3) {
        if (words[2].text != "always") {
            parser.point_at(words[2]);
            return Error(parser.arena().concat("invalid parameter \"", words[2].text, "\""));
        }
        made.is_always = true;
    }
    Additions list = field.is_here() ? *field : Additions{};
    list.append(parser.arena(), made);
    field.set(list);
    return {};
}

Result<void> parse_expires(Parser& parser, Setting<Expires>& field, conf::Arguments words) {
    const conf::Token& word = words.back();
    const auto fail = [&](const conf::Token& at, Text reason) -> Result<void> {
        parser.point_at(at);
        return Error(parser.arena().concat("\"expires\" directive ", reason));
    };
    Expires made{.lifetime = {}, .is_modified = words.size() == 2, .value = {}};
    if (made.is_modified && words[0].text != "modified") return fail(words[0], "invalid value");
    if (word.text.find('$') != Text::npos) {
        Result<script::Complex> value =
            script::Complex::compile(parser.arena(), *parser.scope().variables, word.text, word.at);
        if (!value) return value.error();
        made.value = *value;
    } else {
        Result<Lifetime> lifetime = parse_lifetime(word.text, made.is_modified);
        if (!lifetime) return fail(word, lifetime.error().text);
        made.lifetime = *lifetime;
    }
    field.set(made);
    return {};
}

/// add_header_inherit: what the enclosing block adds comes before the block's own, or not at all.
void join(Arena& arena, Setting<Additions>& own, const Setting<Additions>* outer, Joining joining) {
    if (joining == Joining::off && !own.is_here()) own.value = {};
    if (joining != Joining::merge || !own.is_here() || outer == nullptr || outer->value.empty()) return;
    Additions all;
    for (const Addition& addition : **outer) all.append(arena, addition);
    for (const Addition& addition : *own) all.append(arena, addition);
    own.value = all;
}

Result<void> complete(Parser& parser, Conf& conf, const Conf* enclosing) {
    join(parser.arena(), conf.headers, enclosing != nullptr ? &enclosing->headers : nullptr, *conf.join_headers);
    join(parser.arena(), conf.trailers, enclosing != nullptr ? &enclosing->trailers : nullptr, *conf.join_trailers);
    return {};
}

constexpr conf::Options addition(Text help) {
    return {.where = http::anywhere_and_if,
            .help = help,
            .arity = {2, 3},
            .may_repeat = true,
            .syntax = "name value [always]"};
}

constexpr std::array kDirectives{
    conf::custom<&Conf::headers, parse_addition>("add_header", addition("adds a header field to answers")),
    conf::custom<&Conf::trailers, parse_addition>("add_trailer",
                                                  addition("adds a field behind the body of chunked answers")),
    conf::custom<&Conf::expires, parse_expires>("expires", {.where = http::anywhere_and_if,
                                                            .help = "sets Expires and Cache-Control [off]",
                                                            .arity = {1, 2},
                                                            .syntax = "[modified] time | epoch | max | off"}),
    conf::directive<&Conf::join_headers>(
        "add_header_inherit",
        {.where = http::anywhere_and_if, .initial = "on", .help = "how fields of enclosing blocks are taken over"}),
    conf::directive<&Conf::join_trailers>(
        "add_trailer_inherit",
        {.where = http::anywhere_and_if, .initial = "on", .help = "how trailers of enclosing blocks are taken over"}),
};

constexpr bool is_usual(uint16_t status) {
    switch (status) {
        case 200:
        case 201:
        case 204:
        case 206:
        case 301:
        case 302:
        case 303:
        case 304:
        case 307:
        case 308: return true;
        default: return false;
    }
}

void add(Request& request, const Addition& addition, Text value) {
    http::Response& response = request.response;
    if (addition.known == KnownHeader::last_modified) {
        // One that is no date goes out as it is.
        const std::optional<Seconds> date = http::parse_http_date(value);
        response.last_modified = date ? static_cast<time_t>(date->count) : http::Response::kNoTime;
        if (date || value.empty()) return;
    } else if (addition.known == KnownHeader::etag) {
        response.etag = value;
        return;
    }
    if (!value.empty()) response.headers.add(request.arena(), addition.name, value);
}

HeaderVerdict filter_header(Request& request) {
    const auto& conf = request.conf<Conf>();
    const bool usual = is_usual(request.response.status);
    if (usual && conf.expires.is_set()) {
        const Expires& expires = *conf.expires;
        if (expires.value.is_constant()) {
            set_expires(request, expires.lifetime);
        } else if (const Result<Lifetime> lifetime =
                       parse_lifetime(expires.value.evaluate(request), expires.is_modified)) {
            set_expires(request, *lifetime);
        }
    }
    for (const Addition& addition : *conf.headers)
        if (usual || addition.is_always) add(request, addition, addition.value.evaluate(request));
    return HeaderVerdict::skip;
}

/// In HTTP/1 trailers need chunks (RFC 9112 §7.1.2). Behind `range`: ranges are counted from the whole length.
HeaderVerdict expect_trailers(Request& request) {
    const Additions& trailers = *request.conf<Conf>().trailers;
    if (trailers.empty() || request.version < http::kHttp11 || request.response.is_header_only)
        return HeaderVerdict::skip;
    const bool is_http1 = request.version < http::kHttp2;
    if (is_http1 && !*request.conf<http::LocationConf>().chunked_transfer_encoding) return HeaderVerdict::skip;
    const bool usual = is_usual(request.response.status);
    for (const Addition& trailer : trailers) {
        if (!usual && !trailer.is_always) continue;
        if (is_http1) request.response.clear_length();
        return HeaderVerdict::filter;
    }
    return HeaderVerdict::skip;
}

http::BodyVerdict add_trailers(Request& request, event::Chain&, bool is_last) {
    if (!is_last) return http::BodyVerdict::go_on;
    const bool usual = is_usual(request.response.status);
    for (const Addition& trailer : *request.conf<Conf>().trailers) {
        if (!usual && !trailer.is_always) continue;
        const Text value = trailer.value.evaluate(request);
        if (!value.empty()) request.response.trailers.add(request.arena(), trailer.name, value);
    }
    return http::BodyVerdict::go_on;
}

constexpr std::array kFilters{http::Filter{.header_stage = http::HeaderStage::headers, .header = filter_header},
                              http::Filter{.header_stage = http::HeaderStage::trailers,
                                           .header = expect_trailers,
                                           .body_stage = http::BodyStage::trailers,
                                           .body = add_trailers}};

constexpr http::Module kModule{
    .name = "http_headers",
    .location = conf::conf_type<Conf, complete>(),
    .directives = kDirectives,
    .filters = kFilters,
};

}  // namespace
}  // namespace sluice::headers

SLUICE_EXPORT_MODULE(sluice::headers::kModule);
