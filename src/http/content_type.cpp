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
    return core.default_type->evaluate(request);
}

}  // namespace sluice::http
