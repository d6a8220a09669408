// Addresses of grpc_pass.
#include "target.h"

#include <sluice/event/resolve_config.h>

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

}  // namespace sluice::grpc
