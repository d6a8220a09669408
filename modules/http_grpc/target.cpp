// Addresses of grpc_pass.
#include "target.h"

#include <sluice/event/resolve_config.h>
#include <sluice/http/conf/http_conf.h>
#include <sluice/http/request.h>

namespace sluice::grpc {

Url parse_url(Text text) {
    constexpr Text kPlain = "grpc://";
    constexpr Text kSecure = "grpcs://";
    Url url;
    Text rest = text;
    if (text::istarts_with(text, kPlain)) rest.remove_prefix(kPlain.size());
    if (text::istarts_with(text, kSecure)) {
        url.is_secure = true;
        url.scheme = kSecure;
        rest.remove_prefix(kSecure.size());
    }
    url.host = rest;
    if (rest.starts_with("unix:")) {
        url.name = rest;
        if (rest.size() == 5) url.error = "no path in the unix domain socket";
        return url;
    }
    // Methods are asked for by the client's path: an address has none.
    const event::HostPort parts = event::split_host_port(rest);
    url.name = parts.host;
    url.port.given = parts.port;
    url.error = parts.error;
    if (rest.find_first_of("/?") != Text::npos) url.error = "invalid host";
    return url;
}

const http::upstream::Group* find_group(http::Request& request, const Url& url) {
    const auto* upstreams = static_cast<const http::upstream::Upstreams*>(
        request.http().main_confs->find(conf::slot_of<http::upstream::Upstreams>()));
    const bool is_unix = url.name.starts_with("unix:");
    if (!is_unix) {
        if (const http::upstream::Group* group = upstreams->find(url.name, url.port)) return group;
        if (url.port.given == 0) {
            request.log().error(0, "no port in upstream \"", url.host, "\"");
            return nullptr;
        }
    }
    const auto address = is_unix ? event::SocketAddress::unix_path(url.name.substr(5))
                                 : event::SocketAddress::parse_ip(url.name, url.port.given);
    if (address) return &http::upstream::make_group(request.arena(), url.name, *address);
    request.log().error(0, "no resolver defined to resolve ", url.name);
    return nullptr;
}

}  // namespace sluice::grpc
