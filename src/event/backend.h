// Backend: how a loop talks to the kernel. Two implementations: UringBackend and EpollBackend.
#pragma once

#include "core/base/result.h"
#include "core/base/units.h"
#include "event/connection.h"
#include "event/listener.h"

namespace sluice::event {

class Watch;

class Backend {
 public:
    virtual ~Backend() = default;

    /// Submits what was asked for, waits at most `longest` (negative: for ever) and delivers completions.
    virtual void wait(Msec longest) = 0;

    virtual void open(Connection& connection) = 0;
    virtual void connect(Connection& connection, const SocketAddress& peer) = 0;
    virtual void pause(Connection& connection) = 0;
    virtual void resume(Connection& connection) = 0;
    virtual SendState send(Connection& connection) = 0;
    virtual void shutdown_write(Connection& connection) = 0;
    virtual void close(Connection& connection) = 0;

    virtual void start(Listener& listener) = 0;
    virtual void stop(Listener& listener) = 0;
    virtual void start(Watch& watch) = 0;
    virtual void stop(Watch& watch) = 0;
};

}  // namespace sluice::event
