// Addresses and the URI rules of proxy_pass.
#include "target.h"

#include <sluice/event/resolve_config.h>
#include <sluice/http/uri/escape.h>

namespace sluice::proxy {

Url parse_url(Text text) {
    Url url;
    url.is_secure = text::istarts_with(text, kHttps);
    if (!url.is_secure && !text::istarts_with(text, kHttp)) {
        url.error = "invalid URL prefix";
        return url;
    }
    url.scheme = url.is_secure ? kHttps : kHttp;
    Text rest = text.substr(url.scheme.size());
    if (rest.starts_with("unix:")) {
        // unix:/path or unix:/path:/uri
        const size_t colon = rest.find(':', 5);
        url.name = rest.substr(0, colon);
        url.uri = colon == Text::npos ? Text{} : rest.substr(colon + 1);
        url.host = "localhost";
        if (url.name.size() == 5) url.error = "no path in the unix domain socket";
        return url;
    }
    const size_t end = rest.find_first_of("/?");
    url.host = rest.substr(0, end);
    url.uri = end == Text::npos ? Text{} : rest.substr(end);
    const event::HostPort parts = event::split_host_port(url.host);
    url.name = parts.host;
    url.port = parts.port;
    url.error = parts.error;
    return url;
}

namespace {
Text escape(Arena& arena, Text text, http::uri::Escape set) {
    const size_t size = http::uri::escaped_size(text, set);
    return size == text.size() ? text : http::uri::escape(text, set, arena.make_bytes(size));
}
}  // namespace

Text make_uri(Arena& arena, const UriParts& parts) {
    using http::uri::Escape;
    // What variables have made may hold anything: with a line break in it, it would be two requests.
    if (parts.is_evaluated && !parts.target.empty()) {
        const Text target = escape(arena, parts.target, Escape::target);
        return target.starts_with('?') ? arena.concat("/", target) : target;
    }
    if (parts.target.empty() && parts.unparsed.data() != nullptr) return parts.unparsed;
    const bool replaces = !parts.target.empty() && !parts.ignores_target;
    const Text rest = replaces ? parts.uri.substr(std::min(parts.replaced, parts.uri.size())) : parts.uri;
    return arena.concat(replaces ? parts.target : Text{}, escape(arena, rest, Escape::path),
                        parts.args.empty() ? Text{} : Text("?"), escape(arena, parts.args, Escape::target));
}

}  // namespace sluice::proxy
