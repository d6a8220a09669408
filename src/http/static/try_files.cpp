// http_try_files: the first of several files that exists is served; the last word is where to go otherwise.
//   try_files $uri $uri/ /index.php?$args;    try_files $uri =404;    try_files $uri @fallback;
#include <cerrno>

#include "http/conf/location_conf.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/path.h"
#include "http/request.h"
#include "http/static/open_file.h"

namespace sluice::http {

namespace {

struct Candidate {
    script::Complex name;
    bool is_folder = false;  ///< was written with a slash at its end, which `name` has not
};

struct TryFiles {
    conf::Sequence<Candidate> candidates;
    script::Complex fallback;
    uint16_t status = 0;  ///< `=CODE` instead of a fallback
};

struct TryFilesConf {
    Setting<TryFiles> rule;
};

Result<void> parse_try_files(conf::Parser& parser, Setting<TryFiles>& field, conf::Arguments words) {
    TryFiles rule;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        Text name = words[i].text;
        const bool is_folder = name.ends_with('/');
        if (is_folder) name.remove_suffix(1);
        Result<script::Complex> compiled = script::Complex::compile(parser, words[i], name);
        if (!compiled) return compiled.error();
        rule.candidates.append(parser.arena(), {*compiled, is_folder});
    }
    const conf::Token& last = words.back();
    if (last.text.starts_with('=')) {
        const std::optional<uint64_t> status = text::parse_uint(last.text.substr(1));
        parser.point_at(last);
        if (!status || *status > 999) return Error(parser.arena().concat("invalid code \"", last.text, "\""));
        rule.status = static_cast<uint16_t>(*status);
    } else {
        Result<script::Complex> compiled = script::Complex::compile(parser, last);
        if (!compiled) return compiled.error();
        rule.fallback = *compiled;
    }
    field.set(rule);
    return {};
}

constexpr std::array kDirectives{
    custom<&TryFilesConf::rule, parse_try_files>("try_files",
                                                 {.where = conf::Context::http_server | conf::Context::http_location,
                                                  .help = "serves the first file that exists",
                                                  .arity = {2, conf::Arity::kMany},
                                                  .inherit = conf::Inherit::never,
                                                  .syntax = "file ... uri | file ... =code"}),
};

Verdict fall_back(Request& request, const TryFiles& rule) {
    if (rule.status != 0) return Verdict::respond(rule.status);
    const Text target = rule.fallback.evaluate(request);
    if (target.starts_with('@')) {
        request.redirect_to_named(target);
        return Verdict::taken();
    }
    Text args = target;
    const Text uri = text::split_off(args, '?');
    request.redirect_internally(uri, uri.size() < target.size() ? args : Text{});
    return Verdict::taken();
}

bool is_there(Request& request, const Candidate& candidate, Text uri) {
    const Text path = path_of(request, uri);
    if (path.data() == nullptr) return false;
    const OpenFile found = probe_file(request, path);
    if (found.ok()) return found.info.is_folder() == candidate.is_folder;
    if (found.error != ENOENT && found.error != ENOTDIR && found.error != ENAMETOOLONG)
        request.log().write(LogLevel::crit, found.error, found.failed_call, " \"", path, "\" failed");
    return false;
}

/// The URI that `root` or `alias` make the candidate's path of. Below an alias, names are relative to it, and the
/// value of variables may be a URI of the location: its prefix is not counted then.
Text uri_of(Request& request, const Candidate& candidate, const Root& root) {
    const Text name = candidate.name.evaluate(request);
    if (!root.is_alias || root.is_whole) return name;
    const bool is_uri = !candidate.name.is_constant() && name.starts_with(root.replaced);
    return is_uri ? name : request.arena().concat(root.replaced, name);
}

/// What was found is no rewrite: a proxy asks as if this were the URI that has come, and that the location was found
/// by.
void take(Request& request, Text uri) {
    for (Text* const known : {&request.parsed_uri, &request.located_uri})
        if (known->data() == request.uri.data() && known->size() == request.uri.size()) *known = uri;
    request.uri = uri;
}

Verdict try_files(Request& request) {
    const Setting<TryFiles>& rule = request.conf<TryFilesConf>().rule;
    if (!rule.is_here()) return Verdict::decline();
    const Root& root = *request.conf<LocationConf>().root;
    for (const Candidate& candidate : rule->candidates) {
        const Text uri = uri_of(request, candidate, root);
        request.below_alias = uri;
        if (!is_there(request, candidate, uri)) continue;
        // The slash only told what to look for: a folder named with one is redirected to (301), as nginx does.
        if (!root.is_whole || !candidate.is_folder) take(request, uri);
        return Verdict::decline();
    }
    request.below_alias = {};
    return fall_back(request, *rule);
}

constexpr std::array kPhases{PhaseHandler{Phase::precontent, try_files, 10}};
constexpr Module kModule{
    .name = "http_try_files",
    .location = conf_type<TryFilesConf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

constinit const module::Descriptor kTryFilesModule = describe(kModule);

}  // namespace sluice::http
