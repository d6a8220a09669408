// The same client always to the same peer: by the first three octets of its IPv4 address or all of its IPv6 address.
#pragma once

#include "core/balance/balancer.h"

namespace sluice::balance {

class IpHash final : public Balancer {
 public:
    /// The client's address as 4 or 16 bytes, or anything else where it has none (unix sockets).
    using ClientAddress = Text (*)(script::Subject& subject);

    IpHash(const Peers& peers, ClientAddress client_address) : peers_(peers), client_address_(client_address) {}
    Selection& begin(script::Subject& subject) const override;

 private:
    const Peers& peers_;
    ClientAddress client_address_;
};

}  // namespace sluice::balance
