// The listening sockets that the services of a generation want: taken over from the one before, or opened.
#pragma once

#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/log/log.h"
#include "event/service.h"

namespace sluice::proc {
class ListeningSockets;
}

namespace sluice::cycle {

/// A binding with its sockets: one for all workers, or with `reuseport` one for each. Those that a predecessor with
/// more workers leaves stay, for all: to close them would cost the connections that wait in their queues.
struct Bound {
    event::Service* service = nullptr;
    const event::Binding* binding = nullptr;
    unsigned count = 0;  ///< of the first sockets, each belongs to one worker; 0 without `reuseport`
    std::vector<int> fds;
};

/// Gives every binding of every service its sockets. An address that is in use is tried for two more seconds, as a
/// predecessor may be about to leave; each failure is logged in nginx's words, and an error with an empty text
/// returned.
Result<std::vector<Bound>> bind_all(std::span<event::Service* const> services, proc::ListeningSockets& sockets,
                                    unsigned workers, const Log& log);

/// For -t: whether the addresses can be bound. That one is in use, by the running server most likely, is no error.
Result<void> try_to_bind(std::span<event::Service* const> services, const Log& log);

}  // namespace sluice::cycle
