// Media types by extension.
#include "http/content_type.h"

#include "http/conf/location_conf.h"
#include "http/request.h"

namespace sluice::http {

Text content_type_of(Request& request) {
    const auto& core = request.conf<LocationConf>();
    if (*core.types != nullptr) {
        const Text type = (*core.types)->find(request.extension());
        if (!type.empty()) return type;
    }
    return *core.default_type;
}

bool has_type(const Response& response, const conf::Sequence<Text>& types) {
    const Text type = text::trim(response.content_type.substr(0, response.content_type.find(';')));
    for (const Text wanted : types)
        if (wanted == "*" || text::iequals(wanted, type)) return true;
    return false;
}

}  // namespace sluice::http
