// Http2.
#include "http2.h"

#include <sluice/http/upstream/exchange.h>

namespace sluice::proxy {

bool Http2::write_request(http::upstream::Exchange& exchange, event::Chain& out) {
    http::Request& request = exchange.request();
    method = conf_.method.is_set() ? conf_.method->evaluate(request) : request.method_name;
    if (conf_.set_body.is_set()) own_body = conf_.set_body->evaluate(request);
    return FieldProtocol::write_request(exchange, out);
}

}  // namespace sluice::proxy
