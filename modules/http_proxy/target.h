// Target: where proxy_pass leads, and which URI is asked for there.
#pragma once

#include <sluice/core/script/complex_value.h>
#include <sluice/http/upstream/group.h>

namespace sluice::http {
class Request;
}

namespace sluice::proxy {

inline constexpr Text kHttp = "http://";
inline constexpr Text kHttps = "https://";
inline constexpr uint16_t kHttpPort = 80;
inline constexpr uint16_t kHttpsPort = 443;

/// The parts of an address such as `http://host:port/uri`.
struct Url {
    Text scheme;  ///< "http://", "https://"; empty: neither
    bool is_secure = false;
    Text host;  ///< "host:port" as written: $proxy_host
    Text name;  ///< without the port; "unix:/path" of a socket
    uint16_t port = 0;
    Text uri;    ///< with arguments; empty: none was given
    Text error;  ///< nginx's words when it is none

    http::upstream::PortChoice port_choice() const { return {port, is_secure ? kHttpsPort : kHttpPort}; }
};
Url parse_url(Text text);

/// Whether requests go by TLS.
enum class Encryption : uint8_t { never, maybe, always };

struct Target {
    script::Complex url;                         ///< as written
    Url parts;                                   ///< of a constant
    script::VariableTable* variables = nullptr;  ///< while the configuration is read
    Encryption encryption = Encryption::never;
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
