// http_static: answers GET and HEAD with the file that root or alias make of the URI. Small files come from memory,
// the others from the page cache.
#include <cerrno>

#include <fcntl.h>

#include "event/loop.h"
#include "http/conf/location_conf.h"
#include "http/content_type.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/path.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/static/memory_cache.h"
#include "http/static/open_file.h"
#include "http/uri/escape.h"

namespace sluice::http {

namespace {

/// A folder asked for without its slash: the slash is added (301), so that relative links in it work.
Verdict redirect_to_folder(Request& request) {
    Arena& arena = request.arena();
    const std::span<char> room = arena.make_bytes(uri::escaped_size(request.uri, uri::Escape::path));
    const Text path = uri::escape(request.uri, uri::Escape::path, room);
    request.response.location =
        request.args.empty() ? arena.concat(path, "/") : arena.concat(path, "/?", request.args);
    return Verdict::respond(301);
}

bool set_direct(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && ((flags & O_DIRECT) != 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) == 0);
}

/// Fills in the head and sends it together with the body.
Verdict send(Request& request, const FileInfo& info, Text etag, event::Chain& body) {
    Response& response = request.response;
    response.status = 200;
    response.content_length = info.size;
    response.last_modified = info.modified.count;
    if (*request.conf<LocationConf>().etag) response.etag = etag;
    // X-Accel-Redirect: the upstream has named the type.
    if (response.content_type.empty()) response.content_type = content_type_of(request);
    response.allows_ranges = true;
    if (!request.send_header()) return Verdict::taken();
    if (response.is_header_only) body.clear();
    if (request.output(body, true) != OutputState::failed) request.finish(0);
    return Verdict::taken();
}

Verdict send_from_memory(Request& request, CachedFileRef reference) {
    const CachedFile& file = **request.arena().make<CachedFileRef>(std::move(reference));
    event::Chain body;
    body.add(request.arena(), file.body());
    return send(request, file.info(), file.etag(), body);
}

/// `directio`: from that size on, files are read past the page cache.
bool is_direct(const LocationConf& core, const FileInfo& info) {
    return core.directio->count >= 0 && info.size >= core.directio->count;
}

/// The kernel looks at the value of `read_ahead` only for being there.
void advise(Request& request, const OpenFile& file) {
    const int64_t read_ahead = request.conf<LocationConf>().read_ahead->count;
    if (read_ahead > 0 && file.info.size > read_ahead)
        ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

Verdict send_from_descriptor(Request& request, Text path, OpenFile& file) {
    Arena& arena = request.arena();
    const int fd = file.keep(request);
    advise(request, file);
    event::Chain body;
    body.add_file(arena, fd, 0, file.info.size);
    if (!body.empty() && is_direct(request.conf<LocationConf>(), file.info)) {
        if (set_direct(fd)) {
            body.head()->is_direct = true;
            request.response.is_body_in_memory = true;
        } else {
            request.log().write(LogLevel::crit, errno, "fcntl(O_DIRECT) \"", path, "\" failed");
        }
    }
    return send(request, file.info, write_etag(arena.make_bytes(48), file.info), body);
}

bool may_use_memory(const LocationConf& core) {
    return core.disable_symlinks->check == SymlinkCheck::off;
}

/// The file in memory, if it is there and still the same.
CachedFile* find_in_memory(Request& request, Text path) {
    MemoryCache& memory = memory_cache();
    CachedFile* file = memory.find(path, text::hash(path));
    if (file == nullptr) return nullptr;
    const OpenFile now = probe_file(request, path);
    if (now.ok() && now.info == file->info()) {
        memory.touch(*file);
        return file;
    }
    memory.drop(*file);
    return nullptr;
}

Verdict open_and_send(Request& request, Text path) {
    OpenFile file = open_file(request, path);
    if (!file.ok()) return Verdict::respond(refuse_file(request, path, file));
    if (file.info.is_folder()) return redirect_to_folder(request);
    if (!file.info.is_regular()) {
        request.log().write(LogLevel::crit, 0, "\"", path, "\" is not a regular file");
        return Verdict::respond(404);
    }
    if (request.method == Method::post) return Verdict::respond(405);
    request.body.discard();
    const auto& core = request.conf<LocationConf>();
    if (file.info.size > MemoryCache::kLargestFile || is_direct(core, file.info) || !may_use_memory(core))
        return send_from_descriptor(request, path, file);
    const int64_t now = request.connection().loop().wall_msec() * 1'000'000;
    std::optional<CachedFileRef> read = memory_cache().read(path, file.descriptor(), file.info, now);
    if (!read) {
        request.log().write(LogLevel::crit, errno, "pread() \"", path, "\" failed");
        return Verdict::respond(500);
    }
    return send_from_memory(request, std::move(*read));
}

Verdict serve_file(Request& request) {
    if (request.method != Method::get && request.method != Method::head && request.method != Method::post)
        return Verdict::respond(405);
    if (request.uri.ends_with('/')) return Verdict::decline();
    const Text path = path_of(request, request.uri);
    if (path.data() == nullptr) return Verdict::respond(500);
    if (request.method != Method::post && may_use_memory(request.conf<LocationConf>())) {
        if (CachedFile* file = find_in_memory(request, path)) {
            request.body.discard();
            return send_from_memory(request, CachedFileRef(*file));
        }
    }
    return open_and_send(request, path);
}

constexpr std::array kPhases{PhaseHandler{Phase::content, serve_file, 30}};
constexpr Module kModule{.name = "http_static", .phases = kPhases};

}  // namespace

constinit const module::Descriptor kStaticModule = describe(kModule);

}  // namespace sluice::http
