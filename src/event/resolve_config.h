// Host names in a configuration: looked up once, while it is read, by the system's resolver.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "event/address.h"

namespace sluice::event {

/// `host`, `host:port`, `[v6]:port`, taken apart.
struct HostPort {
    Text host = {};
    uint16_t port = 0;  ///< 0: none was given
    Text error = {};    ///< why it is none, in nginx's words: "no host", "invalid host", "invalid port"; else empty
};
HostPort split_host_port(Text value);

/// The address that a socket is bound to before it connects: "127.0.0.1", "127.0.0.1:5000", "::1", "[::1]:5000".
std::optional<SocketAddress> parse_local(Text value);

/// What `listen` takes: "80", "*:80", "127.0.0.1", "[::1]:80", "localhost:80", "unix:/path"; for a port also a range,
/// "8000-8010". Errors in nginx's words
/// with the quoted value: `host not found in "x" of the "listen" directive`, `invalid port in …`.
Result<std::vector<SocketAddress>> resolve_listen(Text value, uint16_t default_port);

/// An upstream's "host", "host:port", "unix:path" with the port it has when none is given. `host not found in
/// upstream "x"`, `invalid port in upstream "x"`, `no host in upstream "x"`.
Result<std::vector<SocketAddress>> resolve_upstream(Text value, uint16_t default_port);

}  // namespace sluice::event
