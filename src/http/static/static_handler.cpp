// http_static: answers GET and HEAD with the file that root or alias make of the URI. Small files come from memory,
// the others from the page cache.
#include <cerrno>

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

bool may_use_memory(const LocationConf& core) {
    return core.disable_symlinks->check == SymlinkCheck::off;
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

Verdict send_from_descriptor(Request& request, OpenFile& file) {
    Arena& arena = request.arena();
    event::Chain body;
    body.add_file(arena, keep_open(request, file), 0, file.info.size);
    if (file.is_direct && !body.empty()) {
        body.head()->is_direct = true;
        request.response.is_body_in_memory = true;
    }
    return send(request, file.info, write_etag(arena.make_bytes(48), file.info), body);
}

/// Reads a small file, which the next request then finds in memory. Under `aio threads` one that would have to come
/// from the disk goes the way of the large ones.
Verdict read_and_send(Request& request, Text path, OpenFile& file) {
    const int64_t now = request.connection().loop().wall_msec() * 1'000'000;
    const bool may_wait = request.conf<LocationConf>().aio->way != Aio::threads;
    std::optional<CachedFileRef> read = memory_cache().read(path, file.descriptor(), file.info, now, may_wait);
    if (read) return send_from_memory(request, std::move(*read));
    if (!may_wait && (errno == EAGAIN || errno == EOPNOTSUPP)) return send_from_descriptor(request, file);
    request.log().write(LogLevel::crit, errno, "pread() \"", path, "\" failed");
    return Verdict::respond(500);
}

/// `kept`: what is in memory of this path, or null.
Verdict open_and_send(Request& request, Text path, CachedFile* kept) {
    OpenFile file = open_file(request, path, kept);
    if (kept != nullptr) {
        if (file.ok() && file.info == kept->info()) {
            kept->checked_at = request.connection().loop().arrivals();
            memory_cache().touch(*kept);
            request.body.discard();
            return send_from_memory(request, CachedFileRef(*kept));
        }
        memory_cache().drop(*kept);
    }
    if (!file.ok()) return Verdict::respond(refuse_file(request, path, file));
    if (file.info.is_folder()) return redirect_to_folder(request);
    if (!file.info.is_regular()) {
        request.log().write(LogLevel::crit, 0, "\"", path, "\" is not a regular file");
        return Verdict::respond(404);
    }
    if (request.method == Method::post) return Verdict::respond(405);
    request.body.discard();
    const bool is_small = file.info.size <= MemoryCache::kLargestFile && !file.is_direct;
    if (is_small && may_use_memory(request.conf<LocationConf>())) return read_and_send(request, path, file);
    return send_from_descriptor(request, file);
}

Verdict serve_file(Request& request) {
    if (request.method != Method::get && request.method != Method::head && request.method != Method::post)
        return Verdict::respond(405);
    if (request.uri.ends_with('/')) return Verdict::decline();
    const Text path = path_of(request, request.uri);
    if (path.data() == nullptr) return Verdict::respond(500);
    const bool asks_memory = request.method != Method::post && may_use_memory(request.conf<LocationConf>());
    CachedFile* const kept = asks_memory ? memory_cache().find(path, text::hash(path)) : nullptr;
    // Requests that came together (streams of HTTP/2, pipelined ones) were all sent before the first of them had the
    // file looked at.
    if (kept != nullptr && kept->checked_at == request.connection().loop().arrivals()) {
        request.body.discard();
        return send_from_memory(request, CachedFileRef(*kept));
    }
    return open_and_send(request, path, kept);
}

constexpr std::array kPhases{PhaseHandler{Phase::content, serve_file, 30}};
constexpr Module kModule{.name = "http_static", .phases = kPhases};

}  // namespace

constinit const module::Descriptor kStaticModule = describe(kModule);

}  // namespace sluice::http
