// http_autoindex: lists folders that have no index file.
//   location /pub/ { root /srv; autoindex on; autoindex_format json; autoindex_exact_size off; autoindex_localtime
//   on; }
#include <cerrno>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <sluice/http/path.h>
#include <sluice/http/uri/args.h>
#include <sluice/sdk.h>
#include <sys/stat.h>

#include "listing.h"

namespace sluice::autoindex {
enum class Format : uint8_t { html, json, jsonp, xml };
}

namespace sluice::conf {
template <>
struct EnumNames<autoindex::Format> {
    static constexpr std::array<Text, 4> names{"html", "json", "jsonp", "xml"};
};
}  // namespace sluice::conf

namespace {

using namespace sluice;
using namespace sluice::autoindex;
using http::Request;
using http::Verdict;

/// Bytes of a callback's name, as nginx.
constexpr size_t kLongestCallback = 128;

struct AutoindexConf {
    Setting<bool> enabled;
    Setting<Format> format;
    Setting<bool> exact_size;
    Setting<bool> localtime;
};

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Verdict refuse(Request& request, Text call, Text path, int error) {
    if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG) {
        request.log().error(error, call, "() \"", path, "\" failed");
        return Verdict::respond(404);
    }
    if (error == EACCES) {
        request.log().error(error, call, "() \"", path, "\" failed");
        return Verdict::respond(403);
    }
    request.log().write(LogLevel::crit, error, call, "() \"", path, "\" failed");
    return Verdict::respond(500);
}

/// Nothing for what vanished meanwhile or may not be looked at.
std::optional<Entry> inspect(Request& request, const Folder& folder, Text path, const char* name) {
    struct stat info {};
    const int fd = ::dirfd(folder.get());
    // A link that leads nowhere is listed as what it is.
    if (::fstatat(fd, name, &info, 0) != 0) {
        const bool is_dangling = errno == ENOENT || errno == ELOOP;
        if (!is_dangling || ::fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) request.log().write(LogLevel::crit, errno, "stat() \"", path, name, "\" failed");
            return std::nullopt;
        }
    }
    Entry entry;
    entry.name = name;
    if (S_ISDIR(info.st_mode)) {
        entry.kind = Entry::Kind::directory;
    } else if (S_ISREG(info.st_mode)) {
        entry.kind = Entry::Kind::file;
    }
    entry.size = info.st_size;
    entry.mtime = info.st_mtim.tv_sec;
    return entry;
}

std::vector<Entry> read_entries(Request& request, const Folder& folder, Text path) {
    std::vector<Entry> entries;
    while (const dirent* one = ::readdir(folder.get())) {
        if (one->d_name[0] == '.') continue;
        if (std::optional<Entry> entry = inspect(request, folder, path, one->d_name))
            entries.push_back(std::move(*entry));
    }
    sort(entries);
    return entries;
}

Verdict send(Request& request, const std::string& page) {
    request.response.status = 200;
    if (!request.send_header()) return Verdict::taken();
    event::Chain chain;
    if (!request.response.is_header_only) chain.add(request.arena(), request.arena().copy(page));
    if (request.output(chain, true) != http::OutputState::failed) request.finish(0);
    return Verdict::taken();
}

Verdict list(Request& request) {
    const auto& conf = request.conf<AutoindexConf>();
    if (!*conf.enabled || !request.uri.ends_with('/')) return Verdict::decline();
    if (request.method != http::Method::get && request.method != http::Method::head) return Verdict::decline();

    Format format = *conf.format;
    Text callback;
    if (format == Format::jsonp) {
        callback = http::uri::find_arg(request.args, "callback").value_or(Text{});
        if (callback.empty()) format = Format::json;
        const bool is_too_long = callback.size() > kLongestCallback;
        if (is_too_long || !is_callback_valid(callback)) {
            request.log().info("client sent ", is_too_long ? Text("too long") : Text("invalid"), " callback name: \"",
                               callback, "\"");
            return Verdict::respond(400);
        }
    }
    const Text path = http::path_of(request, request.uri);
    if (!script::is_found(path)) return Verdict::respond(500);
    const Folder folder(::opendir(path.data()));
    if (folder == nullptr) return refuse(request, "opendir", path, errno);
    const std::vector<Entry> entries = read_entries(request, folder, path);

    http::Response& response = request.response;
    switch (format) {
        case Format::json: response.content_type = "application/json"; return send(request, write_json(entries));
        case Format::jsonp:
            response.content_type = "application/javascript";
            return send(request, write_jsonp(callback, entries));
        case Format::xml:
            response.content_type = "text/xml";
            response.charset = "utf-8";
            return send(request, write_xml(entries));
        case Format::html: break;
    }
    response.content_type = "text/html";
    const Look look{.exact_size = *conf.exact_size, .localtime = *conf.localtime, .is_utf8 = false};
    return send(request, write_html(request.uri, entries, look));
}

constexpr std::array kDirectives{
    http::directive<&AutoindexConf::enabled>(
        "autoindex", {.where = http::anywhere, .initial = "off", .help = "lists folders without an index file"}),
    http::directive<&AutoindexConf::format>(
        "autoindex_format", {.where = http::anywhere, .initial = "html", .help = "the format of the list"}),
    http::directive<&AutoindexConf::exact_size>(
        "autoindex_exact_size",
        {.where = http::anywhere, .initial = "on", .help = "sizes in bytes, or rounded to K, M, G (html)"}),
    http::directive<&AutoindexConf::localtime>(
        "autoindex_localtime",
        {.where = http::anywhere, .initial = "off", .help = "times of the local zone instead of UTC (html)"}),
};

constexpr std::array kPhases{http::PhaseHandler{http::Phase::content, list, 20}};

constexpr http::Module kModule{
    .name = "http_autoindex",
    .location = http::conf_type<AutoindexConf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
