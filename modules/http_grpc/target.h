// Target: where grpc_pass leads.
#pragma once

#include <sluice/core/script/complex_value.h>
#include <sluice/http/upstream/group.h>

namespace sluice::http {
class Request;
}

namespace sluice::grpc {

/// The parts of `grpc://host:port`, `grpcs://host`, `host:port`, `unix:/path`.
struct Url {
    Text scheme = "grpc://";
    bool is_secure = false;
    Text host;   ///< "host:port" as written
    Text name;   ///< without the port; "unix:/path" of a socket
    Text error;  ///< nginx's words when it is none
    http::upstream::PortChoice port{0, 0};
};
Url parse_url(Text text);

struct Target {
    script::Complex url;  ///< as written
    Url parts;            ///< of a constant
    bool may_be_secure = false;
    const http::upstream::Group* group = nullptr;  ///< of a constant
};

}  // namespace sluice::grpc
