// Service: what serves clients in a generation (the http block, the stream block): the sockets it wants, and its part
// of each worker. It adds itself to conf::Environment::services; the composition root opens the sockets and runs it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/base/result.h"
#include "event/address.h"
#include "event/cidr.h"
#include "event/listener.h"

namespace sluice::event {

class Loop;
class ThreadPool;

/// A listening socket that a service wants. `reuse_port` in the options gives each worker a socket of its own.
struct Binding {
    SocketAddress address;
    ListenOptions options;
    const void* endpoint = nullptr;  ///< the service's own
};

/// The pool that is there without a `thread_pool` directive.
constexpr Text kDefaultThreadPool = "default";

/// The named thread pools of a worker.
class ThreadPools {
 public:
    /// The pool of a `thread_pool` directive, or kDefaultThreadPool where somebody asked for it by
    /// Environment::thread_pools_asked_for; null when there is none of that name.
    virtual ThreadPool* find(Text name) = 0;

 protected:
    ~ThreadPools() = default;
};

/// What the `events` block says, for those who accept.
struct WorkerSettings {
    uint32_t connections = 512;  ///< worker_connections
    Listener::Options accept;
    std::span<const Cidr> debug_connections;  ///< clients whose lines are logged at level debug
    ThreadPools& thread_pools;
};

/// A service's part of one worker.
class ServiceWorker {
 public:
    virtual ~ServiceWorker() = default;

    /// Accepts on `fd` for one of the service's bindings.
    virtual void listen(const Binding& binding, int fd) = 0;
    /// `accept_mutex`: whether it is this worker's turn to accept, on sockets that all workers share.
    virtual void set_turn(bool is_ours) = 0;
    /// Whether a connection that is accepted now would find room.
    virtual bool may_accept() const = 0;
    /// Begins to leave: stops accepting; what runs ends with its work. A connection that is or becomes idle closes
    /// after `grace`: a client that is just sending gets its answer, and learns from it that this connection is not
    /// kept.
    virtual void shut_down(Msec grace) = 0;
    /// After shut_down(): whether the kernel may still hand over a connection; the sockets stay open until then.
    virtual bool is_listening() const = 0;
    /// After shut_down(): whether something still runs.
    virtual bool has_connections() const = 0;
    /// After shut_down(), when there is no more time: what still runs ends as if its client had gone, and is logged.
    virtual void give_up() = 0;
    /// Ends everything, in whatever state.
    virtual void abort() = 0;
};

class Service {
 public:
    /// In a fixed order; complete once the configuration was read.
    virtual std::span<const Binding> bindings() const = 0;
    /// Makes the part of a worker, after the fork. Both references outlive it.
    virtual Result<std::unique_ptr<ServiceWorker>> start(Loop& loop, const WorkerSettings& settings) = 0;

 protected:
    ~Service() = default;
};

}  // namespace sluice::event
