// http_static: answers GET and HEAD with the file that root or alias make of the URI. Small files come from memory,
// the others from the page cache, by a descriptor that stays open while they are asked for.
#include <cerrno>

#include "event/loop.h"
#include "http/conf/location_conf.h"
#include "http/content_type.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/path.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/static/open_file.h"
#include "http/static/recent_files.h"
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

bool may_be_recent(const LocationConf& core) {
    return core.disable_symlinks->check == SymlinkCheck::off;
}

/// Fills in the head and sends it together with the body.
Verdict send(Request& request, const FileInfo& info, Text etag, event::Chain& body) {
    Response& response = request.response;
    response.status = 200;
    response.content_length = info.size;
    response.last_modified = info.modified.count;
    if (*request.conf<LocationConf>().etag) {
        response.etag = etag;
        // Behind what error_page or X-Accel-Redirect keeps of another answer.
        if (!response.headers.empty() && response.etag_place() == nullptr)
            response.headers.add(request.arena(), KnownHeader::etag, etag);
    }
    // X-Accel-Redirect: the upstream has named the type.
    if (response.content_type.empty()) response.content_type = content_type_of(request);
    response.allows_ranges = true;
    if (!request.send_header()) return Verdict::taken();
    if (response.is_header_only) body.clear();
    if (request.output(body, true) != OutputState::failed) request.finish(0);
    return Verdict::taken();
}

Verdict send_recent(Request& request, RecentFileRef reference) {
    const RecentFile& file = **request.arena().make<RecentFileRef>(std::move(reference));
    event::Chain body;
    if (file.is_open()) {
        body.add_file(request.arena(), file.fd(), 0, file.info().size);
    } else {
        body.add(request.arena(), file.body());
    }
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
    std::optional<RecentFileRef> read = recent_files().read(path, file.descriptor(), file.info, now, may_wait);
    if (read) return send_recent(request, std::move(*read));
    if (!may_wait && (errno == EAGAIN || errno == EOPNOTSUPP)) return send_from_descriptor(request, file);
    request.log().write(LogLevel::crit, errno, "pread() \"", path, "\" failed");
    return Verdict::respond(500);
}

/// Whether files are opened here in the one way in which they stay open.
bool may_stay_open(const LocationConf& core) {
    return *core.open_file_cache == nullptr && may_be_recent(core) && core.directio->count < 0 &&
           core.read_ahead->count == 0;
}

/// What is known of a path and of use here, or null.
RecentFile* find_recent(const LocationConf& core, Text path) {
    RecentFile* const file = recent_files().find(path, text::hash(path));
    return file != nullptr && file->is_open() && !may_stay_open(core) ? nullptr : file;
}

/// `kept`: what is known of this path, or null.
Verdict open_and_send(Request& request, Text path, RecentFile* kept) {
    OpenFile file = open_file(request, path, kept);
    if (kept != nullptr) {
        if (file.ok() && file.info == kept->info()) {
            kept->checked_at = request.connection().loop().arrivals();
            recent_files().touch(*kept);
            request.body.discard();
            return send_recent(request, RecentFileRef(*kept));
        }
        recent_files().drop(*kept);
    }
    if (!file.ok()) return Verdict::respond(refuse_file(request, path, file));
    if (file.info.is_folder()) return redirect_to_folder(request);
    if (!file.info.is_regular()) {
        request.log().write(LogLevel::crit, 0, "\"", path, "\" is not a regular file");
        return Verdict::respond(404);
    }
    if (request.method == Method::post) return Verdict::respond(405);
    request.body.discard();
    const auto& core = request.conf<LocationConf>();
    const bool is_small = file.info.size <= RecentFiles::kLargestFile && !file.is_direct;
    if (is_small && may_be_recent(core)) return read_and_send(request, path, file);
    if (!may_stay_open(core)) return send_from_descriptor(request, file);
    return send_recent(request, recent_files().keep_open(path, std::move(file.fd), file.info));
}

Verdict serve_file(Request& request) {
    if (request.method != Method::get && request.method != Method::head && request.method != Method::post)
        return Verdict::respond(405);
    if (request.uri.ends_with('/')) return Verdict::decline();
    const Text path = path_of(request, request.uri);
    if (path.data() == nullptr) return Verdict::respond(500);
    const auto& core = request.conf<LocationConf>();
    const bool asks_recent = request.method != Method::post && may_be_recent(core);
    RecentFile* const kept = asks_recent ? find_recent(core, path) : nullptr;
    // Requests that came together (streams of HTTP/2, pipelined ones, all of a turn) were all sent before the first
    // of them had the file looked at.
    if (kept != nullptr && kept->checked_at == request.connection().loop().arrivals()) {
        request.body.discard();
        return send_recent(request, RecentFileRef(*kept));
    }
    return open_and_send(request, path, kept);
}

Result<void> start_worker(event::Loop& loop) {
    recent_files().start(loop);
    return {};
}

void stop_worker() {
    recent_files().stop();
}

constexpr std::array kPhases{PhaseHandler{Phase::content, serve_file, 30}};
constexpr Module kModule{
    .name = "http_static", .phases = kPhases, .worker_started = start_worker, .worker_stopping = stop_worker};

}  // namespace

constinit const module::Descriptor kStaticModule = describe(kModule);

}  // namespace sluice::http
