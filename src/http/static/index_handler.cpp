// http_index: a URI that ends with a slash is answered with the first index file that exists.
//   index index.$lang.html index.html /fallback.html;
#include <cerrno>
#include <cstring>

#include "http/conf/location_conf.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/path.h"
#include "http/request.h"
#include "http/static/open_file.h"

namespace sluice::http {

namespace {

struct IndexConf {
    Setting<conf::Sequence<script::Complex>> files;
};

Result<void> parse_index(conf::Parser& parser, Setting<conf::Sequence<script::Complex>>& field,
                         conf::Arguments words) {
    conf::Sequence<script::Complex> files = field.is_here() ? *field : conf::Sequence<script::Complex>{};
    for (const conf::Token& word : words) {
        // nginx names the first word, whichever is empty.
        if (word.text.empty())
            return Error(parser.arena().concat("index \"", words[0].text, "\" in \"index\" directive is invalid"));
        Result<script::Complex> name = script::Complex::compile(parser, word);
        if (!name) return name.error();
        files.append(parser.arena(), *name);
        if (word.text.starts_with('/') && &word != &words.back())
            parser.warn("only the last index in \"index\" directive should be absolute");
    }
    field.set(files);
    return {};
}

constexpr std::array kDirectives{
    custom<&IndexConf::files, parse_index>("index", {.where = anywhere,
                                                     .initial = "index.html",
                                                     .help = "files that stand for a folder",
                                                     .arity = {1, conf::Arity::kMany},
                                                     .may_repeat = true,
                                                     .syntax = "file ..."}),
};

Verdict refuse_index(Request& request, Text path, int error) {
    if (error == EACCES) {
        request.log().error(error, "\"", path, "\" is forbidden");
        return Verdict::respond(403);
    }
    if (*request.conf<LocationConf>().log_not_found) request.log().error(error, "\"", path, "\" is not found");
    return Verdict::respond(404);
}

/// The folder itself, asked for when the first index file is not there: pass() where the search may go on.
Verdict test_folder(Request& request, Text folder, Text path) {
    const OpenFile found = probe_file(request, folder);
    if (found.ok()) {
        if (found.info.is_folder()) return Verdict::pass();
        request.log().error(0, "\"", folder, "\" is not a directory");
        return Verdict::respond(500);
    }
    if (found.error == ENOENT) return refuse_index(request, path, ENOENT);
    // The first test said that searching the folder is allowed.
    if (found.error == EACCES) return Verdict::pass();
    request.log().write(LogLevel::crit, found.error, found.failed_call, " \"", folder, "\" failed");
    return Verdict::respond(500);
}

/// decline(): not there, try the next; pass(): it is there.
Verdict test_index(Request& request, Text folder, Text path, bool& is_folder_tested) {
    const OpenFile found = probe_file(request, path);
    switch (found.error) {
        case 0: return Verdict::pass();
        case EMLINK:
        case ELOOP: return Verdict::respond(403);
        case ENOTDIR:
        case ENAMETOOLONG:
        case EACCES: return refuse_index(request, path, found.error);
        default: break;
    }
    if (!is_folder_tested) {
        const Verdict verdict = test_folder(request, folder, path);
        if (verdict.kind() != Verdict::Kind::pass) return verdict;
        is_folder_tested = true;
    }
    if (found.error == ENOENT) return Verdict::decline();
    request.log().write(LogLevel::crit, found.error, found.failed_call, " \"", path, "\" failed");
    return Verdict::respond(500);
}

/// folder + name, null-terminated behind its end.
Text append(Request& request, Text folder, Text name) {
    const Text path = request.arena().concat(folder, name, Text("\0", 1));
    return path.substr(0, path.size() - 1);
}

Verdict find_index(Request& request) {
    if (!request.uri.ends_with('/')) return Verdict::decline();
    if (request.method != Method::get && request.method != Method::head && request.method != Method::post)
        return Verdict::decline();
    Text folder;
    bool is_folder_tested = false;
    for (const script::Complex& file : *request.conf<IndexConf>().files) {
        const Text name = file.evaluate(request);
        if (name.starts_with('/')) {
            request.redirect_internally(name, request.args);
            return Verdict::taken();
        }
        if (folder.data() == nullptr) folder = path_of(request, request.uri);
        if (folder.data() == nullptr) return Verdict::respond(500);
        const Verdict verdict = test_index(request, folder, append(request, folder, name), is_folder_tested);
        if (verdict.kind() == Verdict::Kind::decline) continue;
        if (verdict.kind() == Verdict::Kind::respond) return verdict;
        request.redirect_internally(request.arena().concat(request.uri, name), request.args);
        return Verdict::taken();
    }
    return Verdict::decline();
}

constexpr std::array kPhases{PhaseHandler{Phase::content, find_index, 10}};
constexpr Module kModule{
    .name = "http_index",
    .location = conf_type<IndexConf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

constinit const module::Descriptor kIndexModule = describe(kModule);

}  // namespace sluice::http
