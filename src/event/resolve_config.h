// Host names in a configuration: looked up once, while it is read, by the system's resolver.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "event/address.h"

namespace sluice::event {

/// What `listen` takes: "80", "*:80", "127.0.0.1", "[::1]:80", "localhost:80", "unix:/path". Errors in nginx's words
/// with the quoted value: `host not found in "x" of the "listen" directive`, `invalid port in …`.
Result<std::vector<SocketAddress>> resolve_listen(Text value, uint16_t default_port);

/// An upstream's "host", "host:port", "unix:path" with the port it has when none is given. `host not found in
/// upstream "x"`, `invalid port in upstream "x"`, `no host in upstream "x"`.
Result<std::vector<SocketAddress>> resolve_upstream(Text value, uint16_t default_port);

}  // namespace sluice::event
