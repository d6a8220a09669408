// client_body_early_read.
#include "http/early_body.h"

#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/request.h"

namespace sluice::http {

namespace {

bool is_too_long(const Request& request) {
    const int64_t limit = request.conf<LocationConf>().client_max_body_size->count;
    return limit > 0 && request.body.framing == RequestBody::Framing::length && request.body.announced_length > limit;
}

void on_collected(Request& request, uint16_t status) {
    if (status != 0) {
        request.finish(status);
    } else {
        request.resume(Verdict::decline());
    }
}

}  // namespace

Verdict read_body_early(Request& request) {
    const script::Predicates& conditions = *request.conf<ServerConf>().client_body_early_read;
    if (conditions.empty() || request.body.framing == RequestBody::Framing::none || is_too_long(request) ||
        !conditions.any(request))
        return Verdict::decline();
    request.body.collect(request, on_collected);
    return Verdict::suspend();
}

}  // namespace sluice::http
