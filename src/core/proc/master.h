// Master: supervises workers, reloads, hands over to a new binary. It never touches a request, and blocks only in
// waiting for signals, and while a configuration is loaded.
//
//   start or HUP ──load──▶ starting ──all workers ready──▶ running     (workers of the previous generation: QUIT)
//                             │ none ready: back to the previous generation
//   TERM, INT ──▶ terminating (KILL after a while) ──▶ exit      QUIT ──▶ quitting ──▶ exit
//   a watched file (a certificate) has changed ──▶ starting, with workers of the same generation
//   USR2 ──▶ a new binary runs beside; WINCH ──▶ no workers until HUP, or until the new binary dies
#pragma once

#include <memory>

#include "core/base/units.h"
#include "core/proc/children.h"
#include "core/proc/generation.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/signals.h"

namespace sluice::proc {

class Master {
 public:
    Master(Loader& loader, ListeningSockets& sockets, std::unique_ptr<Generation> first, bool is_daemon);
    Master(const Master&) = delete;

    /// Supervises until it is told to stop; returns the exit code. Signals are blocked already, the pid file is
    /// there.
    int run();

 private:
    /// How long new workers have to become ready before those that are ready decide.
    static constexpr Msec kStarting{5000};
    /// How often the generation may look whether its files have changed.
    static constexpr Msec kLookEvery{1000};
    /// After how long a renewal that failed is tried again: twice as long each time.
    static constexpr Msec kRenewAgain{1000};
    static constexpr Msec kRenewLatest{60'000};

    /// What signals ask for; done when the present step is over.
    struct Wishes {
        bool reap = false;
        bool terminate = false;
        bool quit = false;
        bool reload = false;
        bool revive = false;  ///< HUP while a new binary runs: the workers of this one again
        bool reopen = false;
        bool upgrade = false;
        bool drain = false;
    };
    struct Running {
        std::unique_ptr<Generation> generation;
        uint64_t number = 0;
    };

    const Log& log() const { return current_.generation->log(); }
    const Settings& settings() const { return current_.generation->settings(); }
    std::string pid_path() const;
    bool is_upgrading() const { return new_binary_ != 0; }
    bool another_serves() const;
    bool is_leaving() const { return wishes_.terminate || wishes_.quit; }

    bool open_descriptors();
    void wait();
    Msec next_deadline() const;
    void read_signals();
    void take(const Signal& signal);
    void read_ready();

    void act();
    void act_on_leaving();
    void reap();
    void on_new_binary_gone();
    void fill_vacancies();
    void escalate();
    int leave();

    void reload();
    void revive();
    bool take_pid_path(const std::string& previous);
    void finish_starting();
    void commit();
    void roll_back();
    bool may_look() const;
    void look();
    void renew_workers();
    void keep_old_workers();
    void reopen();
    void upgrade();
    void drain();

    void start_children();
    void start_place(const Place& place);
    bool fork_child(const Place& place);

    Loader& loader_;
    ListeningSockets& sockets_;
    bool is_daemon_;
    Running current_;
    Running previous_;  ///< while the workers of current_ start; empty otherwise, and at the first start
    Children children_;
    Wishes wishes_;
    Signals signals_;
    UniqueFd ready_;  ///< children write their numbers to the other end
    UniqueFd ready_writing_;
    pid_t new_binary_ = 0;
    bool is_draining_ = false;  ///< WINCH: workers were told to leave
    bool is_starting_ = false;
    bool is_renewing_ = false;  ///< is_starting_, and the workers that start are of the generation that runs
    bool has_quit_ = false;
    bool has_new_pid_file_ = false;  ///< the generation that starts has another pid file than the previous one
    bool has_failed_ = false;        ///< a worker of the generation that starts can't be started
    Msec started_;                   ///< when is_starting_ began
    Msec look_at_;                   ///< when watched files are looked at next
    Msec renew_at_{-1};              ///< when workers are renewed that could not be; negative: there are none
    Msec renew_pause_ = kRenewAgain;
    Msec kill_at_{-1};  ///< when terminating workers are killed; negative: never
};

}  // namespace sluice::proc
