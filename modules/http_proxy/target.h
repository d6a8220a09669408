// Target: where proxy_pass leads, and which URI is asked for there.
#pragma once

#include <sluice/core/script/complex_value.h>
#include <sluice/http/upstream/group.h>

namespace sluice::http {
class Request;
}

namespace sluice::proxy {

/// The parts of an address such as `http://host:port/uri`.
struct Url {
    Text scheme;  ///< "http://"
    Text host;    ///< "host:port" as written: $proxy_host
    Text name;    ///< without the port; "unix:/path" of a socket
    uint16_t port = 0;
    Text uri;    ///< with arguments; empty: none was given
    Text error;  ///< nginx's words when it is none
};
Url parse_url(Text text);

struct Target {
    script::Complex url;                           ///< as written
    script::Complex host;                          ///< $proxy_host
    Url parts;                                     ///< of a constant
    const http::upstream::Group* group = nullptr;  ///< of a constant
    size_t location_length = 0;                    ///< how much of the URI the target's own replaces
    Text location;                                 ///< its name; empty where the URI can't be replaced
};

/// What a URI is made of, so that the rule can be tested by itself.
struct UriParts {
    Text target;        ///< the target's URI, may be empty
    bool is_evaluated;  ///< the target had variables: its URI is complete
    Text unparsed;      ///< as the client sent it; null when it was changed since
    Text uri;           ///< decoded
    Text args;
    size_t replaced;              ///< leading bytes of `uri` that the target's URI stands for
    bool ignores_target = false;  ///< a rewrite in this location has changed the URI
};
/// nginx's rules; the result lives in `arena` or where its parts do.
Text make_uri(Arena& arena, const UriParts& parts);

}  // namespace sluice::proxy
