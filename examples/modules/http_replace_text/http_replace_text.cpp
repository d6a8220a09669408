// http_replace_text: replaces a text in the bodies of answers, whatever made them.
//   replace_text "Copyright 2025" "Copyright $year";  replace_text_types text/html text/plain;
//   replace_text_keeps_validators on;      $replace_text_count
#include <sluice/sdk.h>

#include "matcher.h"

// A body filter has two hooks. The header hook runs once, before the head leaves: it decides whether this answer is
// changed, and takes back what the head says about the body's length and identity. The body hook then sees the body
// piece by piece, as chains of buffers, cuts them and puts others between; it copies nothing.

namespace {

using namespace sluice;
using http::BodyVerdict;
using http::HeaderVerdict;
using http::KnownHeader;
using http::Request;
using replace_text::Matcher;

/// The words of `replace_text`.
struct Rule {
    Text from;  ///< empty: nothing is replaced
    script::Complex to;
};

struct Conf {
    Setting<Rule> rule;
    Setting<conf::Sequence<Text>> types;
    Setting<bool> keeps_validators;
};

/// `replace_text off` ends what an enclosing block began.
Result<void> parse_rule(conf::Parser& parser, Setting<Rule>& field, conf::Arguments words) {
    Rule rule;
    if (words.size() == 1) {
        if (words[0].text != "off") return Error("a text to replace needs another one to put in its place");
        field.set(rule);
        return {};
    }
    if (words[0].text.empty()) {
        parser.point_at(words[0]);
        return Error("the text to replace is empty");
    }
    Result<script::Complex> to = script::Complex::compile(parser, words[1]);
    if (!to) return to.error();
    rule.from = words[0].text;
    rule.to = *to;
    field.set(rule);
    return {};
}

Result<void> parse_types(conf::Parser& parser, Setting<conf::Sequence<Text>>& field, conf::Arguments words) {
    conf::Sequence<Text> types;
    for (const conf::Token& word : words) types.append(parser.arena(), word.text);
    field.set(types);
    return {};
}

constexpr std::array kDirectives{
    conf::custom<&Conf::rule, parse_rule>("replace_text",
                                          {.where = http::anywhere_and_if,
                                           .help = "replaces a text in bodies, case and all, by another",
                                           .arity = {1, 2},
                                           .syntax = "text replacement | off"}),
    conf::custom<&Conf::types, parse_types>("replace_text_types", {.where = http::anywhere,
                                                                   .initial = "text/html",
                                                                   .help = "media types of the answers to change",
                                                                   .arity = {1, conf::Arity::kMany},
                                                                   .syntax = "type ... | *"}),
    conf::directive<&Conf::keeps_validators>(
        "replace_text_keeps_validators",
        {.where = http::anywhere,
         .initial = "off",
         .help = "keeps Last-Modified, and ETag as a weak one, for replacements that are always the same"}),
};

/// What is kept for an answer that is being changed.
struct Replacing {
    Matcher matcher;
    uint32_t count = 0;
};

/// A part of a body may begin or end in the middle of the text, and a compressed body hides it: both stay as they
/// are.
bool is_changeable(const http::Response& response) {
    return response.status != 206 && response.headers.find(KnownHeader::content_encoding) == nullptr;
}

/// The body of the answer to HEAD or of a 304 is not sent, but its head is that of the changed body all the same.
HeaderVerdict prepare(Request& request) {
    const auto& conf = request.conf<Conf>();
    http::Response& response = request.response;
    if (conf.rule->from.empty() || !is_changeable(response) || !http::has_type(response, *conf.types))
        return HeaderVerdict::skip;

    response.clear_length();         // sent in chunks then, or until the connection closes
    response.allows_ranges = false;  // offsets mean nothing to the file any more
    if (!*conf.keeps_validators) {
        response.clear_validators();
    } else if (!response.etag.empty() && !response.etag.starts_with("W/")) {
        response.etag = request.arena().concat("W/", response.etag);  // RFC 9110 §8.8.1: not the same bytes
    }
    if (response.is_header_only) return HeaderVerdict::skip;

    response.is_body_in_memory = true;  // no ranges of files: this filter looks at the bytes
    request.make_state<Replacing>(Matcher(conf.rule->from), 0U);
    return HeaderVerdict::filter;
}

/// The new chain consists of views of the old one's memory, with the replacement between them. What the matcher holds
/// back needs no memory either: it is the beginning of the text that is looked for.
BodyVerdict replace(Request& request, event::Chain& chain, bool is_last) {
    auto& state = *request.state<Replacing>();
    const Rule& rule = *request.conf<Conf>().rule;
    event::Chain changed;
    const auto keep = [&](Text unchanged) { changed.add(request.arena(), unchanged); };
    const auto put = [&] {
        ++state.count;
        changed.add(request.arena(), rule.to.evaluate(request));
    };
    for (const event::Buffer* buffer = chain.head(); buffer != nullptr; buffer = buffer->next)
        state.matcher.feed(buffer->text(), keep, put);
    if (is_last) keep(state.matcher.finish());
    chain.clear();
    chain.splice(changed);
    return BodyVerdict::go_on;
}

Text count_text(const Request& request) {
    const Replacing* state = request.state<Replacing>();
    if (state == nullptr) return {};  // not found: logged as "-"
    return TextBuilder(request.arena().make_bytes(10)).add(state->count).text();
}

constexpr std::array kVariables{http::Variable{.name = "replace_text_count", .get = count_text, .cacheable = false}};
constexpr std::array kFilters{http::Filter{
    .header_stage = http::HeaderStage::sub, .header = prepare, .body_stage = http::BodyStage::sub, .body = replace}};

constexpr http::Module kModule{
    .name = "http_replace_text",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .filters = kFilters,
    .state = http::state_type<Replacing>(),
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
