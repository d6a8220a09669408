// Generation: one configuration with all that was made from it, as the master sees it. The composition root
// implements it (Cycle), and the Loader that makes one.
#pragma once

#include <memory>
#include <span>

#include <sys/types.h>

#include "core/base/result.h"
#include "core/log/log.h"
#include "core/proc/settings.h"

namespace sluice::log {
class ErrorLog;
}

namespace sluice::shm {
class Zones;
}

namespace sluice::proc {

class ListeningSockets;
class Worker;
class Generation;

/// A process beside the workers: "cache manager process", "cache loader process".
struct HelperProcess {
    Text name;                 ///< with " process", for the title and the log; lives as long as the generation
    bool is_replaced = false;  ///< started again when it dies
    /// Runs in the child until it is told to leave; returns the exit code.
    int (*body)(Worker& worker, void* argument) = nullptr;
    void* argument = nullptr;
};

class Generation {
 public:
    virtual ~Generation() = default;

    virtual const Settings& settings() const = 0;
    virtual const Log& log() const = 0;
    /// The targets of the main context's `error_log`.
    virtual const log::ErrorLog& error_log() const = 0;

    /// The body of a worker: makes the loop, says when it is ready, runs until told to leave. Returns the exit code:
    /// 0, or 2 for what a new start would not mend (it is not replaced then). Runs in the child, as the user of the
    /// settings; the generation is never destroyed there.
    virtual int run_worker(Worker& worker) = 0;
    virtual std::span<const HelperProcess> helpers() const { return {}; }

    /// Whether look() has anything to look for.
    virtual bool is_watching() const { return false; }
    /// Called by the master about once a second while is_watching(): takes up files that have changed meanwhile.
    /// True: workers that are forked from now on are not as those that run.
    virtual bool look() { return false; }

    /// What a new binary takes over besides the listening sockets; null: nothing.
    virtual shm::Zones* zones() { return nullptr; }

    /// USR1: opens all log files anew. `owner`: whom new files shall belong to, OpenFiles::kKeepOwner for nobody.
    virtual void reopen_logs(uid_t owner) = 0;
};

class Loader {
 public:
    /// Reads the configuration and does all that can fail before workers run: opens logs, maps zones, opens or claims
    /// sockets. `previous` is the running generation, null at start. An error with an empty text was logged already;
    /// any other text is logged at `emerg`. Nothing that runs is disturbed; sockets that were added are taken back by
    /// the caller.
    virtual Result<std::unique_ptr<Generation>> load(ListeningSockets& sockets, Generation* previous) = 0;
    /// Reads the configuration as load() would, says and touches nothing, and leaves behind whatever it made: only
    /// for a child that ends then.
    virtual void rehearse(Generation& previous) = 0;

 protected:
    ~Loader() = default;
};

}  // namespace sluice::proc
