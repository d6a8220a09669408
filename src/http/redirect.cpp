// Redirects.
#include "http/redirect.h"

#include "http/conf/location_conf.h"
#include "http/conf/tree.h"
#include "http/request.h"
#include "http/server_connection.h"

namespace sluice::http {

namespace {

/// The host that redirects name: the request's, or the server's first name; without either the local address.
Text redirect_host(Request& request) {
    const Text name = request.server().name();
    const bool uses_name = *request.conf<LocationConf>().server_name_in_redirect && !name.empty();
    if (uses_name) return name.starts_with("*.") ? name.substr(2) : name;
    if (!request.host.empty()) return request.host;
    return request.connection().local().host_text(request.arena());
}

}  // namespace

bool is_made_absolute(const Request& request, Text location) {
    return location.starts_with('/') && *request.conf<LocationConf>().absolute_redirect;
}

Text absolute_location(Request& request, Text location) {
    const auto& core = request.conf<LocationConf>();
    if (!is_made_absolute(request, location)) return location;
    const event::SocketAddress& local = request.connection().local();
    const bool is_secure = request.connection().is_secure();
    const uint16_t port = local.is_unix() ? uint16_t{0} : local.port();
    const bool is_usual = port == 0 || port == (is_secure ? 443 : 80);
    char room[8];
    const Text port_text = is_usual || !*core.port_in_redirect ? Text{} : TextBuilder(room).add(':', port).text();
    return request.arena().concat(is_secure ? Text("https://") : Text("http://"), redirect_host(request), port_text,
                                  location);
}

}  // namespace sluice::http
