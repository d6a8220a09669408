// The life of the server after its command line was understood: master and workers, or one process alone; and the
// signals of `-s`. See Worker and Generation for what the composition root provides.
//
//   proc::init_title(argc, argv);
//   log::set_program_name(…);
//   … -t, -s, -h …
//   return proc::run(loader);
#pragma once

#include <string>

#include "core/base/text.h"
#include "core/log/log.h"

namespace sluice::proc {

class Loader;

/// Loads the first generation, becomes a daemon, writes the pid file, and supervises until told to stop. Returns the
/// exit code. `start_log` takes lines until the configuration's own log is open.
int run(Loader& loader, const Log& start_log);

/// The signals that `-s` takes: "stop", "quit", "reopen", "reload".
bool is_signal_name(Text name);
/// Sends one to the process whose number is in `pid_path`. Returns the exit code; what failed is logged in nginx's
/// words.
int send_signal(Text name, const std::string& pid_path, const Log& log);

}  // namespace sluice::proc
