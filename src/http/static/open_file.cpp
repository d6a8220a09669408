// Opening and probing files for a request.
#include "http/static/open_file.h"

#include <cerrno>

#include "event/loop.h"
#include "http/conf/location_conf.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/static/open_file_cache.h"
#include "http/static/recent_files.h"

namespace sluice::http {

namespace {

/// `from` of disable_symlinks counts only where it is the beginning of the path, up to a slash or the end.
size_t trusted_part(Text path, Text from) {
    if (from.empty() || !path.starts_with(from)) return 0;
    const bool ends_a_part = from.ends_with('/') || path.size() == from.size() || path[from.size()] == '/';
    return ends_a_part ? from.size() : 0;
}

LinkRules link_rules(Request& request, const LocationConf& core, Text path) {
    const DisableSymlinks& links = *core.disable_symlinks;
    if (links.check == SymlinkCheck::off) return {};
    return {links.check, trusted_part(path, links.from.evaluate(request))};
}

OpenFile find(Request& request, FileQuery& query, const RecentFile* kept) {
    const auto& core = request.conf<LocationConf>();
    query.links = link_rules(request, core, query.path);
    OpenFileCache* const cache = *core.open_file_cache;
    if (cache == nullptr && query.only_probes) return look_up(query);
    query.direct_from = core.directio->count;
    query.read_ahead = core.read_ahead->count;
    if (cache == nullptr) return look_up(query);
    const OpenFileCache::Rules rules{.valid = {core.open_file_cache_valid->count * 1000},
                                     .min_uses = *core.open_file_cache_min_uses,
                                     .keeps_errors = *core.open_file_cache_errors};
    const uint64_t hash = kept != nullptr ? kept->hash : text::hash(query.path);
    return cache->find(query, hash, rules, request.connection().loop().now());
}

}  // namespace

OpenFile open_file(Request& request, Text path, const RecentFile* kept) {
    FileQuery query{.path = path, .known = kept != nullptr ? &kept->info() : nullptr};
    OpenFile file = find(request, query, kept);
    if (file.direct_error != 0)
        request.log().write(LogLevel::crit, file.direct_error, "fcntl(O_DIRECT) \"", path, "\" failed");
    return file;
}

OpenFile probe_file(Request& request, Text path) {
    FileQuery query{.path = path, .only_probes = true};
    return find(request, query, nullptr);
}

int keep_open(Request& request, OpenFile& file) {
    if (file.shared) return (*request.arena().make<SharedFileRef>(std::move(file.shared)))->fd();
    return request.arena().make<UniqueFd>(std::move(file.fd))->get();
}

uint16_t refuse_file(Request& request, Text path, const OpenFile& file) {
    LogLevel level = LogLevel::error;
    uint16_t status = 500;
    switch (file.error) {
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG: status = 404; break;
        case EACCES:
        case EMLINK:
        case ELOOP: status = 403; break;
        default: level = LogLevel::crit; break;
    }
    if (status != 404 || *request.conf<LocationConf>().log_not_found)
        request.log().write(level, file.error, file.failed_call, " \"", path, "\" failed");
    return status;
}

}  // namespace sluice::http
