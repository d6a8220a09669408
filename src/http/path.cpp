// From URI to path.
#include "http/path.h"

#include <cstring>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/request.h"

namespace sluice::http {

Text root_of(Request& request) {
    const Root& root = *request.conf<LocationConf>().root;
    const Text value = root.path.evaluate(request);
    if (!script::is_found(value) || value.starts_with('/')) return value;
    return request.arena().concat(request.http().prefix, value);
}

Text path_of(Request& request, Text uri, size_t room) {
    const Root& root = *request.conf<LocationConf>().root;
    const Text base = root_of(request);
    if (!script::is_found(base)) {
        request.log().error(0, "\"", root.is_alias ? "alias" : "root", " ", root.path.source(),
                            "\" has no value here");
        return {};
    }
    Text rest = uri;
    if (root.is_whole) {
        rest = request.below_alias;
    } else if (root.is_alias) {
        rest.remove_prefix(std::min(uri.size(), root.replaced.size()));
    }
    const size_t size = base.size() + rest.size();
    char* path = request.arena().make_bytes(size + 1 + room).data();
    std::memcpy(path, base.data(), base.size());
    if (!rest.empty()) std::memcpy(path + base.size(), rest.data(), rest.size());
    path[size] = '\0';
    return {path, size};
}

}  // namespace sluice::http
