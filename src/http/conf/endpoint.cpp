// Endpoint: which of its addresses a connection came to.
#include "http/conf/endpoint.h"

#include <sys/socket.h>

namespace sluice::http {

const Address& Endpoint::address_of(int fd) const {
    if (addresses.size() > 1) {
        event::SocketAddress local;
        socklen_t length = event::SocketAddress::capacity();
        if (::getsockname(fd, local.get(), &length) == 0) {
            local.set_length(length);
            for (const auto& candidate : addresses)
                if (candidate->address == local) return *candidate;
        }
    }
    return *addresses.back();
}

}  // namespace sluice::http
