// http_rewrite: changes URIs, answers, and chooses by conditions.
//   rewrite ^/old/(.*)$ /new/$1 permanent;   set $mobile 0;   if ($http_user_agent ~ Mobile) { set $mobile 1; }
//   location = /health { return 200 "ok"; }
#include <sluice/http/conf/core_parsers.h>
#include <sluice/sdk.h>

#include "program.h"

namespace {

using namespace sluice;
using namespace sluice::rewrite;
using conf::Arguments;
using conf::Context;
using conf::Parser;

template <class T>
void append(Parser& parser, RewriteConf& conf, Step::Kind kind, T detail) {
    conf.steps.append(parser.arena(), {kind, parser.arena().make<T>(std::move(detail))});
}

bool is_url(Text word) {
    return word.starts_with("http://") || word.starts_with("https://") || word.starts_with("$scheme");
}

Result<script::Complex> compile(Parser& parser, const conf::Token& word, Text text) {
    return script::Complex::compile(parser.arena(), *parser.scope().variables, text, word.at);
}

Result<void> parse_return(Parser& parser, RewriteConf& conf, Arguments words) {
    constexpr uint64_t kLargestStatus = 999;
    Return made;
    const conf::Token* text = words.size() > 1 ? &words[1] : nullptr;
    const std::optional<uint64_t> status = text::parse_uint(words[0].text);
    if (status && *status <= kLargestStatus) {
        made.status = static_cast<uint16_t>(*status);
    } else if (words.size() == 1 && is_url(words[0].text)) {
        made.status = 302;
        text = &words[0];
    } else {
        parser.point_at(words[0]);
        return Error(parser.arena().concat("invalid return code \"", words[0].text, "\""));
    }
    if (text != nullptr) {
        Result<script::Complex> value = compile(parser, *text, text->text);
        if (!value) return value.error();
        made.text = *value;
        made.has_text = !text->text.empty();
    }
    append(parser, conf, Step::Kind::answer, made);
    return {};
}

Result<void> parse_flag(Parser& parser, const conf::Token& word, Rewrite& made) {
    using Flag = Rewrite::Flag;
    constexpr std::array<std::pair<Text, Flag>, 4> kFlags{
        {{"last", Flag::last}, {"break", Flag::stop}, {"redirect", Flag::redirect}, {"permanent", Flag::permanent}}};
    for (const auto& [name, flag] : kFlags) {
        if (word.text != name) continue;
        made.flag = flag;
        return {};
    }
    parser.point_at(word);
    return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
}

Result<void> parse_rewrite(Parser& parser, RewriteConf& conf, Arguments words) {
    Rewrite made;
    if (words[1].text.empty()) return Error("empty replacement");
    parser.point_at(words[0]);
    Result<const script::Regex*> regex =
        script::Regex::compile(parser.arena(), *parser.scope().variables, words[0].text, {});
    if (!regex) return regex.error();
    made.regex = *regex;
    parser.point_at(words[1]);
    Text path = words[1].text;
    if (words.size() > 2) {
        if (Result<void> done = parse_flag(parser, words[2], made); !done) return done;
    }
    if (is_url(path) && made.flag != Rewrite::Flag::permanent) made.flag = Rewrite::Flag::redirect;
    if (path.ends_with('?')) {
        path.remove_suffix(1);
        made.keeps_args = false;
    }
    if (const size_t mark = path.find('?'); mark != Text::npos) {
        Result<script::Complex> args = compile(parser, words[1], path.substr(mark + 1));
        if (!args) return args.error();
        made.args = *args;
        made.has_args = true;
        path = path.substr(0, mark);
    }
    Result<script::Complex> compiled = compile(parser, words[1], path);
    if (!compiled) return compiled.error();
    made.path = *compiled;
    append(parser, conf, Step::Kind::rewrite, made);
    return {};
}

Result<void> parse_break(Parser& parser, RewriteConf& conf, Arguments) {
    conf.steps.append(parser.arena(), {Step::Kind::stop, nullptr});
    return {};
}

Text lower_copy(Arena& arena, Text word) {
    const std::span<char> copy = arena.make_bytes(word.size());
    for (size_t i = 0; i < word.size(); ++i) copy[i] = text::to_lower(word[i]);
    return {copy.data(), copy.size()};
}

/// What a variable that `set` defines has before anything was assigned.
Text get_unset(script::Subject& subject, const void* datum, Text) {
    auto& request = static_cast<http::Request&>(subject);
    if (*request.conf<RewriteConf>().uninitialized_variable_warn) {
        const auto& name = *static_cast<const Text*>(datum);
        request.log().warn(0, "using uninitialized \"", name, "\" variable");
    }
    return "";
}

Result<void> parse_set(Parser& parser, RewriteConf& conf, Arguments words) {
    parser.point_at(words[0]);
    if (!words[0].text.starts_with('$') || words[0].text.size() < 2)
        return Error(parser.arena().concat("invalid variable name \"", words[0].text, "\""));
    script::VariableTable& table = *parser.scope().variables;
    const Text* name = parser.arena().make<Text>(words[0].text.substr(1));
    const bool is_known = table.find(lower_copy(parser.arena(), *name)) != nullptr;
    Result<uint32_t> index = table.define_changeable(parser.arena(), *name,
                                                     {.name = *name,
                                                      .get = is_known ? nullptr : get_unset,
                                                      .datum = name,
                                                      .is_changeable = true,
                                                      .is_weak = true});
    if (!index) return index.error();
    Result<script::Complex> value = compile(parser, words[1], words[1].text);
    if (!value) return value.error();
    append(parser, conf, Step::Kind::assign, Assignment{*index, *value});
    return {};
}

Result<void> parse_if(Parser& parser, RewriteConf& conf, Arguments words) {
    Result<Condition> condition = parse_condition(parser, words);
    if (!condition) return condition.error();
    const bool in_server = parser.scope().context == Context::http_server;
    const Context inner = in_server ? Context::http_server_if : Context::http_location_if;
    auto& core = parser.conf<http::LocationConf>();
    Result<http::Location*> location = http::parse::unnamed_block(parser, core, inner);
    if (!location) return location.error();
    append(parser, conf, Step::Kind::branch, Branch{*condition, *location});
    return {};
}

constexpr conf::Contexts kWhere =
    Context::http_server | Context::http_server_if | Context::http_location | Context::http_location_if;

constexpr std::array kDirectives{
    http::action<RewriteConf, parse_return>("return", {.where = kWhere,
                                                       .help = "ends the request with a status, a text or a redirect",
                                                       .arity = {1, 2},
                                                       .syntax = "code [text] | code URL | URL"}),
    http::action<RewriteConf, parse_rewrite>("rewrite", {.where = kWhere,
                                                         .help = "changes a URI that a regex matches",
                                                         .arity = {2, 3},
                                                         .syntax = "regex replacement [flag]"}),
    http::action<RewriteConf, parse_break>("break", {.where = kWhere, .help = "no further rewriting in this block"}),
    http::action<RewriteConf, parse_set>(
        "set", {.where = kWhere, .help = "assigns a variable", .arity = {2, 2}, .syntax = "$variable value"}),
    http::block<RewriteConf, parse_if>("if", {.where = Context::http_server | Context::http_location,
                                              .help = "settings and rewriting under a condition",
                                              .arity = {1, conf::Arity::kMany},
                                              .syntax = "(condition)"}),
    http::directive<&RewriteConf::rewrite_log>(
        "rewrite_log", {.where = http::anywhere | Context::http_server_if | Context::http_location_if,
                        .initial = "off",
                        .help = "whether rewriting is logged at level notice"}),
    http::directive<&RewriteConf::uninitialized_variable_warn>(
        "uninitialized_variable_warn", {.where = http::anywhere | Context::http_server_if | Context::http_location_if,
                                        .initial = "on",
                                        .help = "whether the use of variables without a value is logged"}),
};

constexpr std::array kPhases{
    http::PhaseHandler{http::Phase::server_rewrite, run, 10},
    http::PhaseHandler{http::Phase::rewrite, run_in_location, 10},
};

constexpr http::Module kModule{
    .name = "http_rewrite",
    .location = http::conf_type<RewriteConf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
