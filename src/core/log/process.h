// What logging knows of the process as a whole: its name in messages on stderr, and whether those are wanted.
#pragma once

#include "core/base/text.h"

namespace sluice::log {

/// The name in front of messages on stderr and in process titles: "sluice", or "nginx" when started by that name. The
/// text must live as long as the process.
void set_program_name(Text name);
Text program_name();

/// While on (it is at start), lines of level `warn` or worse also appear on stderr as "NAME: [level] message". The
/// master turns it off once it has started up.
void set_echo_to_stderr(bool on);

/// Number of this process in log lines; cached, a fork is noticed.
int process_id();

}  // namespace sluice::log
