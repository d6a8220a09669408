// Reading a configuration and making a generation of it.
#include "cycle/cycle.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "core/conf/watch.h"
#include "core/proc/listening_sockets.h"
#include "core/shm/inherited_zones.h"

namespace sluice::cycle {

using conf::Level;

namespace {

/// The event method that workers will use.
Text method_name(event::BackendKind wanted) {
    const bool is_uring =
        wanted == event::BackendKind::io_uring ||
        (wanted == event::BackendKind::best && event::why_not(event::BackendKind::io_uring).empty());
    return is_uring ? "io_uring" : "epoll";
}

}  // namespace

Cycle::Cycle(const Options& options, const Log& log, const Cycle* previous)
    : options_(options),
      loader_(options.built_in, {options.modules, options.prefix}),
      environment_{.arena = arena_,
                   .log = log,
                   .directives = loader_,
                   .files = files_,
                   .zones = zones_,
                   .prefix = options.prefix,
                   .conf_prefix = options.conf_prefix,
                   .is_test = options.is_test,
                   .dumps = options.dumps,
                   .keepsakes = &keepsakes_},
      parser_(environment_),
      log_(log) {
    if (previous != nullptr) keepsakes_.inherit(previous->keepsakes_);
}

Result<void> Cycle::read() {
    conf::Scope scope;
    scope.context = conf::Context::main;
    scope.sets[static_cast<size_t>(Level::main)] = &main_set_;
    core_ = &parser_.conf<CoreConf>(scope);
    environment_.main_error_log = &core_->error_log;
    auto& block = parser_.conf<EventsBlock>(scope);

    Result<void> done = parser_.parse_command_line(options_.directives, scope);
    if (!done) return parser_.complete(done.error());
    done = parser_.parse_file(options_.conf_path, scope);
    if (done)
        done = settle(block);
    else
        done = parser_.complete(done.error());
    keepsakes_.settle();
    return done;
}

/// Defaults and what depends on the whole; errors have no place any more.
Result<void> Cycle::settle(EventsBlock& block) {
    block.set.belong_to(conf::Context::events);
    Result<void> done = parser_.settle(Level::main, block.set);
    if (done) done = parser_.settle(Level::main, main_set_);
    if (done) done = parser_.finish();
    if (!done) return parser_.complete(done.error());
    events_ = static_cast<EventsConf*>(block.set.find(EventsConf::slot));
    return {};
}

Result<void> Cycle::open(proc::ListeningSockets* sockets, const Cycle* previous, shm::InheritedZones* inherited) {
    auto* const block = static_cast<EventsBlock*>(main_set_.find(EventsBlock::slot));
    if (!block->is_written) return Error("no \"events\" section in configuration");
    Result<void> done = make_settings();
    if (done) done = settle_thread_pools();
    if (done && options_.is_test) done = check_pid_file();
    if (done) done = make_folders();
    if (done) done = open_logs();
    if (done) done = zones_.map(previous != nullptr ? &previous->zones_ : nullptr, log_, inherited);
    if (!done) return done;
    done = check_connections();
    if (done) done = make_accept_turns();
    if (!done) return done;

    if (sockets == nullptr) return try_to_bind(environment_.services, environment_.log);
    const unsigned workers = settings_.master_process ? settings_.worker_processes : 1;
    Result<std::vector<Bound>> bound = bind_all(environment_.services, *sockets, workers, environment_.log);
    if (!bound) return bound.error();
    bound_ = std::move(*bound);
    log_.notice("using the \"", method_name(*events_->use), "\" event method");
    return {};
}

/// nginx keeps the compiled-in log, or the one of -e, where no `error_log` stands in the main context.
Result<void> Cycle::open_logs() {
    if (core_->error_log.is_empty()) {
        const std::array<Text, 2> words{options_.error_log, "error"};
        Result<void> added = log::add_target(core_->error_log, words, {files_, options_.prefix});
        if (!added) return added;
    }
    log_ = Log(&core_->error_log);
    return files_.open();
}

/// The default pool is made for those who ask for it.
Result<void> Cycle::settle_thread_pools() {
    std::vector<event::ThreadPoolOptions>& pools = core_->thread_pools;
    for (const conf::Token& asked : environment_.thread_pools_asked_for) {
        const bool is_known =
            std::any_of(pools.begin(), pools.end(), [&](const auto& pool) { return pool.name == asked.text; });
        if (is_known) continue;
        if (asked.text == event::kDefaultThreadPool) {
            pools.push_back({.name = std::string(event::kDefaultThreadPool)});
            continue;
        }
        parser_.point_at(asked);
        return parser_.complete(Error(arena_.concat("unknown thread pool \"", asked.text, "\" in ", asked.at.file,
                                                    ":", std::to_string(asked.at.line))));
    }
    return {};
}

Result<void> Cycle::check_connections() {
    const uint32_t connections = *events_->worker_connections;
    size_t sockets = 0;
    for (event::Service* service : environment_.services) sockets += service->bindings().size();
    if (connections <= sockets) {
        return Error(std::to_string(connections) + " worker_connections are not enough for " +
                     std::to_string(sockets) + " listening sockets");
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    const bool is_raised = settings_.rlimit_nofile && connections <= *settings_.rlimit_nofile;
    if (connections > limit.rlim_cur && !is_raised) {
        const uint64_t most =
            settings_.rlimit_nofile ? static_cast<uint64_t>(*settings_.rlimit_nofile) : limit.rlim_cur;
        environment_.log.warn(0, connections, " worker_connections exceed open file resource limit: ", most);
    }
    return {};
}

/// A worker that is alone takes no turns.
Result<void> Cycle::make_accept_turns() {
    if (!*events_->accept_mutex || !settings_.master_process || settings_.worker_processes < 2) return {};
    Result<event::AcceptTurns> made = event::AcceptTurns::make();
    if (!made) return made.error();
    accept_turns_.emplace(std::move(*made));
    return {};
}

/// Workers that gave up their rights could not make them.
Result<void> Cycle::make_folders() const {
    for (const conf::Folder& folder : environment_.folders) {
        const std::string path(folder.path);
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return Error("mkdir() \"" + path + "\" failed", errno);
        if (settings_.user.uid == proc::User::kNoUser) continue;
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) return Error("stat() \"" + path + "\" failed", errno);
        if (info.st_uid != settings_.user.uid && ::chown(path.c_str(), settings_.user.uid, gid_t(-1)) != 0)
            return Error("chown(\"" + path + "\") failed", errno);
    }
    return {};
}

/// -t: whether the pid file could be written; one that is there stays as it is.
Result<void> Cycle::check_pid_file() const {
    const char* const path = settings_.pid_path.c_str();
    const bool was_there = ::access(path, F_OK) == 0;
    const UniqueFd fd(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!fd) return Error("open() \"" + settings_.pid_path + "\" failed", errno);
    if (!was_there) ::unlink(path);
    return {};
}

Result<void> Cycle::make_settings() {
    proc::Settings& to = settings_;
    const CoreConf& from = *core_;
    to.daemon = *from.daemon;
    to.master_process = *from.master_process;
    to.worker_processes = *from.worker_processes;
    to.pid_path = *from.pid;
    to.lock_path = *from.lock_file;
    to.working_directory = *from.working_directory;
    to.priority = *from.priority;
    if (from.rlimit_nofile.is_set()) to.rlimit_nofile = *from.rlimit_nofile;
    if (from.rlimit_core.is_set()) to.rlimit_core = from.rlimit_core->count;
    to.affinity = *from.affinity;
    to.shutdown_timeout = *from.shutdown_timeout;
    to.debug_points = *from.debug_points;
    to.timer_resolution = *from.timer_resolution;
    for (Text variable : *from.environment) to.environment.emplace_back(variable);
    to.user = *from.user;
    if (from.user.is_set() || ::geteuid() != 0) return {};
    Result<proc::User> user = proc::parse_user(SLUICE_USER, SLUICE_GROUP);
    if (!user) return user.error();
    to.user = std::move(*user);
    return {};
}

bool Cycle::look() {
    environment_.log = log_;  // the one of the reading may be gone
    bool is_outdated = false;
    for (conf::Watch* watch : environment_.watches) is_outdated |= watch->look(log_);
    return is_outdated;
}

void Cycle::reopen_logs(uid_t owner) {
    files_.reopen(log_, owner);
}

Result<std::unique_ptr<proc::Generation>> CycleLoader::load(proc::ListeningSockets& sockets,
                                                            proc::Generation* previous) {
    auto* const running = static_cast<Cycle*>(previous);
    auto cycle = std::make_unique<Cycle>(options_, running != nullptr ? running->log() : start_log_, running);
    shm::InheritedZones inherited;
    if (running == nullptr) inherited.take_over(start_log_);
    Result<void> done = cycle->read();
    if (done) done = cycle->open(&sockets, running, &inherited);
    if (!done) return done.error();
    return std::unique_ptr<proc::Generation>(std::move(cycle));
}

// Zones, logs and sockets are not made: what they lack is an ordinary error of load().
void CycleLoader::rehearse(proc::Generation& previous) {
    static const log::ErrorLog kSilence;
    auto* const cycle = new Cycle(options_, Log(&kSilence), static_cast<Cycle*>(&previous));
    static_cast<void>(cycle->read());
}

}  // namespace sluice::cycle
