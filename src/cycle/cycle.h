// Cycle: one generation: a configuration that was read, and all that was made from it. A reload makes a new one
// beside the old; destroying one lets go of its modules last, since everything else may run their code.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/conf/environment.h"
#include "core/conf/keepsakes.h"
#include "core/conf/parser.h"
#include "core/log/error_log.h"
#include "core/log/open_files.h"
#include "core/module/loader.h"
#include "core/proc/generation.h"
#include "core/shm/zones.h"
#include "cycle/core_conf.h"
#include "cycle/events_conf.h"
#include "cycle/options.h"
#include "cycle/sockets.h"
#include "event/accept_turns.h"

namespace sluice::cycle {

class Cycle final : public proc::Generation {
 public:
    /// `log` takes what is to be said while the configuration is read. `previous`: the running generation, whose
    /// keepsakes are taken over; null at start.
    Cycle(const Options& options, const Log& log, const Cycle* previous = nullptr);
    Cycle(const Cycle&) = delete;
    ~Cycle() override = default;

    /// Reads `-g` and the file. The error's text is complete, with place and caret.
    Result<void> read();
    /// After read(): everything else that can fail before workers run: settings that need the system, logs, zones,
    /// sockets. `sockets` may be null for a test, which opens and closes its own. `inherited`: zones of the binary
    /// before this one; null: none. An error with an empty text was logged already.
    Result<void> open(proc::ListeningSockets* sockets, const Cycle* previous,
                      shm::InheritedZones* inherited = nullptr);

    const CoreConf& core() const { return *core_; }
    const EventsConf& events() const { return *events_; }
    /// What was read, for -T.
    const std::vector<conf::Parser::Dump>& dumps() const { return parser_.dumps(); }

    const proc::Settings& settings() const override { return settings_; }
    const Log& log() const override { return log_; }
    const log::ErrorLog& error_log() const override { return core_->error_log; }
    int run_worker(proc::Worker& worker) override;
    bool is_watching() const override { return !environment_.watches.empty(); }
    bool look() override;
    shm::Zones* zones() override { return &zones_; }
    void reopen_logs(uid_t owner) override;

    log::OpenFiles& files() { return files_; }
    std::span<const Bound> bound() const { return bound_; }
    /// `accept_mutex`; null: each worker accepts when it can.
    event::AcceptTurns* accept_turns() { return accept_turns_ ? &*accept_turns_ : nullptr; }

 private:
    Result<void> settle(EventsBlock& block);
    Result<void> make_settings();
    Result<void> open_logs();
    Result<void> settle_thread_pools();
    Result<void> check_connections();
    Result<void> make_accept_turns();
    Result<void> make_folders() const;
    Result<void> check_pid_file() const;

    const Options& options_;
    module::Loader loader_;
    log::OpenFiles files_;
    shm::Zones zones_;
    conf::Keepsakes keepsakes_;
    Arena arena_;  ///< after what its objects use, so that it goes first
    conf::ConfSet main_set_;
    conf::Environment environment_;
    conf::Parser parser_;
    CoreConf* core_ = nullptr;
    EventsConf* events_ = nullptr;
    proc::Settings settings_;
    std::vector<Bound> bound_;
    std::optional<event::AcceptTurns> accept_turns_;
    Log log_;
};

/// What the master calls for the first generation and for each reload.
class CycleLoader final : public proc::Loader {
 public:
    CycleLoader(const Options& options, const Log& start_log) : options_(options), start_log_(start_log) {}
    Result<std::unique_ptr<proc::Generation>> load(proc::ListeningSockets& sockets,
                                                   proc::Generation* previous) override;
    void rehearse(proc::Generation& previous) override;

 private:
    const Options& options_;
    Log start_log_;
};

}  // namespace sluice::cycle
