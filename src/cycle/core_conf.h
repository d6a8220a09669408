// CoreConf: the main context: processes, files, logs. Its directives stand in core_directives.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/conf/conf_type.h"
#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/log/error_log.h"
#include "core/proc/settings.h"
#include "event/thread_pool.h"

namespace sluice::cycle {

struct CoreConf {
    static conf::Slot slot;

    Setting<bool> daemon;
    Setting<bool> master_process;
    Setting<unsigned> worker_processes;
    Setting<proc::Affinity> affinity;
    Setting<int32_t> priority;
    Setting<int64_t> rlimit_nofile;
    Setting<Offset> rlimit_core;
    Setting<Msec> shutdown_timeout;
    Setting<proc::User> user;
    Setting<Text> working_directory;
    Setting<Text> pid;
    Setting<Text> lock_file;
    Setting<conf::Sequence<Text>> environment;
    Setting<proc::DebugPoints> debug_points;
    Setting<Msec> timer_resolution;
    Setting<bool> pcre_jit;
    Setting<bool> autoload_modules;
    Setting<bool> ssl_objects_inheritable;
    log::ErrorLog error_log;
    std::vector<event::ThreadPoolOptions> thread_pools;
};

}  // namespace sluice::cycle
