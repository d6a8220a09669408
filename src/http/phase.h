// Phases: the order in which handlers see a request; nginx's, since configurations depend on it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "http/verdict.h"

namespace sluice::http {

class Request;

enum class Phase : uint8_t {
    post_read,       ///< right after the head was read (realip)
    server_rewrite,  ///< rewrite directives of the server block
    find_config,     ///< the location is chosen; no handlers
    rewrite,         ///< rewrite directives of the location
    post_rewrite,    ///< back to find_config if the URI changed; no handlers
    preaccess,       ///< limits
    access,          ///< allow/deny, passwords; `satisfy` combines them
    post_access,     ///< the verdict of `satisfy any`; no handlers
    precontent,      ///< try_files, mirror
    content,         ///< the location's own handler, or index, autoindex, static files
    log,             ///< after the last byte; every handler runs, verdicts are ignored
};
constexpr size_t kPhases = static_cast<size_t>(Phase::log) + 1;

using Handler = Verdict (*)(Request&);

struct PhaseHandler {
    Phase phase;
    Handler run;
    /// Handlers of one phase run in ascending order; load order never matters. Ours stand at multiples of 10.
    int16_t order = 0;
};

/// The flat table of all handlers of a configuration, and the driver that walks a request along it.
class PhaseEngine {
 public:
    /// Built once per configuration; `handlers` of all modules in any order.
    void build(std::span<const PhaseHandler> handlers);

    /// Starts a request, or an internal redirect, at the given phase and walks as far as it gets.
    void start(Request& request, Phase first) const;
    /// Walks on after a suspension: `verdict` is what the suspended handler would have returned.
    void resume(Request& request, Verdict verdict) const;
    void run_log(Request& request) const;

 private:
    struct Entry {
        Phase phase;
        Handler run;  ///< null for the engine's own phases
    };

    void walk(Request& request) const;
    /// Applies a handler's verdict; false when the walk stops here.
    bool apply(Request& request, const Entry& entry, Verdict verdict) const;
    bool apply_access(Request& request, Verdict verdict) const;
    bool find_config(Request& request) const;
    bool post_rewrite(Request& request) const;
    bool post_access(Request& request) const;
    bool delays_refusal(Request& request) const;
    bool content(Request& request, const Entry& entry) const;
    bool apply_content(Request& request, Verdict verdict) const;
    void skip_phase(Request& request) const;
    uint16_t first_of(Phase phase) const { return first_[static_cast<size_t>(phase)]; }

    std::vector<Entry> entries_;
    std::vector<Handler> log_handlers_;
    uint16_t first_[kPhases] = {};
};

}  // namespace sluice::http
