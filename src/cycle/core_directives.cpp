// The rows of the main context.
#include <algorithm>
#include <optional>

#include <unistd.h>

#include "config.h"
#include "core/conf/include.h"
#include "core/conf/keepsakes.h"
#include "core/conf/log_target.h"
#include "core/conf/parser.h"
#include "cycle/core_conf.h"
#include "cycle/modules.h"

namespace sluice::cycle {

conf::Slot CoreConf::slot;

namespace {

using conf::Arguments;
using conf::Context;
using conf::Parser;

Error invalid(Parser& parser, Text what) {
    return Error(parser.arena().concat("\"", parser.directive().text, "\" directive ", what));
}

std::vector<Text> texts_of(Arguments words) {
    std::vector<Text> texts;
    for (const conf::Token& word : words) texts.push_back(word.text);
    return texts;
}

template <class T>
Result<void> set(Setting<T>& field, Result<T> parsed) {
    if (!parsed) return parsed.error();
    field.set(std::move(*parsed));
    return {};
}

Result<void> parse_worker_processes(Parser& parser, Setting<unsigned>& field, Arguments words) {
    parser.point_at(words[0]);
    return set(field, proc::parse_worker_processes(words[0].text));
}

Result<void> parse_affinity(Parser& parser, Setting<proc::Affinity>& field, Arguments words) {
    parser.point_at(words[0]);
    return set(field, proc::parse_affinity(texts_of(words)));
}

Result<void> parse_user(Parser& parser, Setting<proc::User>& field, Arguments words) {
    parser.point_at(words[0]);
    if (::geteuid() != 0) {
        parser.warn(proc::kUserIgnored);
        field.set({});
        return {};
    }
    return set(field, proc::parse_user(words[0].text, words.back().text));
}

Result<void> parse_debug_points(Parser& parser, Setting<proc::DebugPoints>& field, Arguments words) {
    parser.point_at(words[0]);
    return set(field, proc::parse_debug_points(words[0].text));
}

/// nginx: a sign may stand in front, and there are no bounds; the system takes what lies beyond its own as the last
/// of them.
Result<void> parse_priority(Parser& parser, Setting<int32_t>& field, Arguments words) {
    const Text word = words[0].text;
    const bool has_sign = word.starts_with('-') || word.starts_with('+');
    const std::optional<uint64_t> number = text::parse_uint(has_sign ? word.substr(1) : word);
    parser.point_at(words[0]);
    if (!number || *number > INT64_MAX) return invalid(parser, "invalid number");
    const auto size = static_cast<int32_t>(std::min<uint64_t>(*number, INT32_MAX));
    field.set(word.starts_with('-') ? -size : size);
    return {};
}

Result<void> parse_path(Parser& parser, Setting<Text>& field, Arguments words) {
    field.set(parser.full_path(words[0].text));
    return {};
}

/// nginx: an empty name is the default's.
Result<void> parse_pid(Parser& parser, Setting<Text>& field, Arguments words) {
    field.set(parser.full_path(words[0].text.empty() ? Text(SLUICE_PID_PATH) : words[0].text));
    return {};
}

Result<void> add_error_log(Parser& parser, CoreConf& conf, Arguments words) {
    return conf::add_log_target(parser, conf.error_log, words);
}

Result<void> add_thread_pool(Parser&, CoreConf& conf, Arguments words) {
    Result<event::ThreadPoolOptions> pool = event::parse_thread_pool(texts_of(words));
    if (!pool) return pool.error();
    for (const event::ThreadPoolOptions& other : conf.thread_pools) {
        if (other.name == pool->name) return Error("duplicate thread pool \"" + other.name + "\"");
    }
    conf.thread_pools.push_back(std::move(*pool));
    return {};
}

Result<void> load_module(Parser& parser, CoreConf&, Arguments words) {
    if (parser.environment().is_block_begun) return Error("\"load_module\" directive is specified too late");
    parser.point_at(words[0]);
    return parser.environment().directives.load(words[0].text);
}

/// Takes effect at once, for what follows in the file.
Result<void> switch_autoload(Parser& parser, Setting<bool>& field, Arguments words) {
    static constexpr conf::Directive kRow =
        conf::directive<&CoreConf::autoload_modules>("autoload_modules", {.where = Context::main});
    bool on = true;
    Result<void> parsed = conf::parse::flag(parser, kRow, words[0], on);
    if (!parsed) return parsed;
    field.set(on);
    parser.environment().directives.set_autoload(on);
    return {};
}

Result<void> complete_core(Parser& parser, CoreConf& conf, const CoreConf*) {
    const Text warning = conf.affinity->warning(*conf.worker_processes);
    if (!warning.empty()) parser.log().warn(0, warning);
    return {};
}

constexpr conf::Contexts kMain = Context::main;

/// For what is read behind it.
Result<void> parse_ssl_objects_inheritable(conf::Parser& parser, Setting<bool>& field, conf::Arguments words) {
    bool is_on = true;
    conf::Directive row{};
    row.name = "ssl_object_cache_inheritable";
    if (Result<void> parsed = conf::parse::flag(parser, row, words[0], is_on); !parsed) return parsed;
    if (!is_on && parser.environment().keepsakes != nullptr) parser.environment().keepsakes->settle();
    field.set(is_on);
    return {};
}

constexpr std::array kCoreRows{
    conf::directive<&CoreConf::daemon>(
        "daemon", {.where = kMain, .initial = "on", .help = "whether the server leaves the terminal"}),
    conf::directive<&CoreConf::master_process>(
        "master_process", {.where = kMain, .initial = "on", .help = "whether workers are started"}),
    conf::directive<&CoreConf::timer_resolution>(
        "timer_resolution", {.where = kMain, .help = "accepted: the clock is read once a turn anyway"}),
    conf::custom<&CoreConf::pid, parse_pid>("pid", {.where = kMain,
                                                    .initial = SLUICE_PID_PATH,
                                                    .help = "file for the number of the master process",
                                                    .arity = {1, 1},
                                                    .syntax = "file"}),
    conf::custom<&CoreConf::lock_file, parse_path>("lock_file", {.where = kMain,
                                                                 .initial = SLUICE_LOCK_PATH,
                                                                 .help = "accepted for compatibility",
                                                                 .arity = {1, 1},
                                                                 .syntax = "file"}),
    conf::custom<&CoreConf::worker_processes, parse_worker_processes>(
        "worker_processes", {.where = kMain,
                             .initial = "1",
                             .help = "number of workers, or auto for one on each CPU",
                             .arity = {1, 1},
                             .syntax = "number | auto"}),
    conf::custom<&CoreConf::debug_points, parse_debug_points>(
        "debug_points", {.where = kMain,
                         .help = "what a defect found at run time does: stop or abort the process",
                         .arity = {1, 1},
                         .syntax = "abort | stop"}),
    conf::custom<&CoreConf::user, parse_user>(
        "user", {.where = kMain,
                 .help = "user and group of the workers [" SLUICE_USER " " SLUICE_GROUP "]",
                 .arity = {1, 2},
                 .syntax = "user [group]"}),
    conf::custom<&CoreConf::priority, parse_priority>(
        "worker_priority",
        {.where = kMain, .initial = "0", .help = "nice value of the workers", .arity = {1, 1}, .syntax = "number"}),
    conf::custom<&CoreConf::affinity, parse_affinity>("worker_cpu_affinity",
                                                      {.where = kMain,
                                                       .help = "CPUs that each worker may run on",
                                                       .arity = {1, conf::Arity::kMany},
                                                       .syntax = "cpumask ... | auto [cpumask]"}),
    conf::directive<&CoreConf::rlimit_nofile>("worker_rlimit_nofile",
                                              {.where = kMain, .help = "most open files of a worker"}),
    conf::directive<&CoreConf::rlimit_core>("worker_rlimit_core",
                                            {.where = kMain, .help = "largest core file of a worker"}),
    conf::directive<&CoreConf::shutdown_timeout>("worker_shutdown_timeout",
                                                 {.where = kMain, .help = "longest graceful shutdown of a worker"}),
    conf::custom<&CoreConf::working_directory, parse_path>(
        "working_directory",
        {.where = kMain, .help = "current folder of the workers", .arity = {1, 1}, .syntax = "directory"}),
    conf::directive<&CoreConf::environment>("env", {.where = kMain,
                                                    .help = "variable of the environment that workers keep or get",
                                                    .syntax = "variable[=value]"}),
    conf::action<CoreConf, load_module>(
        "load_module", {.where = kMain, .help = "loads a module's file", .arity = {1, 1}, .syntax = "file"}),
    conf::custom<&CoreConf::autoload_modules, switch_autoload>(
        "autoload_modules", {.where = kMain,
                             .initial = "on",
                             .help = "whether directives and variables load the modules they need",
                             .arity = {1, 1},
                             .syntax = "on | off"}),
};

constexpr std::array kErrorLogRows{
    conf::action<CoreConf, add_error_log>(
        "error_log",
        {.where = kMain,
         .initial = SLUICE_ERROR_LOG_PATH " error",
         .help = "file, syslog or memory for errors, from which level on, and whether as JSON (Sluice's own)",
         .arity = {1, conf::Arity::kMany},
         .syntax = "file | stderr | syslog:... | memory:size [level] [json]"}),
};

constexpr std::array kRegexRows{
    conf::directive<&CoreConf::pcre_jit>(
        "pcre_jit", {.where = kMain,
                     .initial = "off",
                     .help = "accepted: regular expressions are always compiled to machine code"}),
};

constexpr std::array kThreadPoolRows{
    conf::action<CoreConf, add_thread_pool>("thread_pool", {.where = kMain,
                                                            .initial = "default threads=32 max_queue=65536",
                                                            .help = "threads for reading files",
                                                            .arity = {2, 3},
                                                            .syntax = "name threads=number [max_queue=number]"}),
};

constexpr std::array kOpensslRows{
    conf::custom<&CoreConf::ssl_objects_inheritable, parse_ssl_objects_inheritable>(
        "ssl_object_cache_inheritable",
        {.where = kMain,
         .initial = "on",
         .help = "certificates, keys and lists whose files have not changed are not parsed again by a reload",
         .arity = {1, 1},
         .syntax = "on | off"}),
};

constexpr std::array kConfRows{conf::kInclude};

}  // namespace

constinit const module::Descriptor kCoreModule{
    .name = "core",
    .family = module::Family::core,
    .directives = kCoreRows,
    .conf_types = {conf::conf_type<CoreConf, complete_core>()},
};
constinit const module::Descriptor kErrorLogModule{.name = "errlog", .directives = kErrorLogRows, .conf_types = {}};
constinit const module::Descriptor kRegexModule{.name = "regex", .directives = kRegexRows, .conf_types = {}};
constinit const module::Descriptor kThreadPoolModule{
    .name = "thread_pool", .directives = kThreadPoolRows, .conf_types = {}};
constinit const module::Descriptor kOpensslModule{.name = "openssl", .directives = kOpensslRows, .conf_types = {}};
constinit const module::Descriptor kConfModule{.name = "conf", .directives = kConfRows, .conf_types = {}};

}  // namespace sluice::cycle
