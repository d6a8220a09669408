// Worker.
#include "http/worker.h"

#include <new>

#include <sys/mman.h>

#include "core/base/out_of_memory.h"
#include "http/conf/http_conf.h"
#include "http/module.h"
#include "http/request.h"
#include "http/static/recent_files.h"
#include "http/upstream/keepalive.h"

namespace sluice::http {

namespace {

/// How many idle connections make room at once (nginx: 32, and at most an eighth of all).
constexpr uint32_t kMostClosedAtOnce = 32;
/// The first request of a connection that is younger may be on its way.
constexpr Msec kSilence{100};

}  // namespace

SharedCounters& shared_counters() {
    static SharedCounters* const counters = [] {
        void* memory =
            ::mmap(nullptr, sizeof(SharedCounters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) out_of_memory();
        return new (memory) SharedCounters;
    }();
    return *counters;
}

void Service::settle() {
    static_cast<void>(shared_counters());  // before the fork
    for (const auto& endpoint : http_.endpoints)
        bindings_.push_back({.address = endpoint->address, .options = endpoint->options, .endpoint = endpoint.get()});
}

Result<std::unique_ptr<event::ServiceWorker>> Service::start(event::Loop& loop,
                                                             const event::WorkerSettings& settings) {
    auto worker = std::make_unique<Worker>(loop, http_, settings);
    if (Result<void> started = worker->start(); !started) return started.error();
    return std::unique_ptr<event::ServiceWorker>(std::move(worker));
}

Worker::Worker(event::Loop& loop, const HttpConf& http, const event::WorkerSettings& settings)
    : loop_(loop),
      http_(http),
      settings_(settings),
      silence_timer_(event::Timer::call<&Worker::look_at_silent>, this) {}

Worker::~Worker() {
    for (const Module* module : http_.modules)
        if (module->worker_stopping != nullptr) module->worker_stopping();
}

Result<void> Worker::start() {
    for (const Module* module : http_.modules) {
        if (module->worker_started == nullptr) continue;
        if (Result<void> started = module->worker_started(loop_); !started) return started;
    }
    return {};
}

void Worker::listen(const event::Binding& binding, int fd) {
    event::Listener::Options options = settings_.accept;
    options.takes_turns = options.takes_turns && !binding.options.reuse_port;
    listeners_.push_back(
        std::make_unique<event::Listener>(loop_, fd, *this, const_cast<void*>(binding.endpoint), options));
    if (options.takes_turns) sharing_.push_back(listeners_.back().get());
    listeners_.back()->start();
}

void Worker::set_turn(bool is_ours) {
    for (event::Listener* listener : sharing_) listener->set_turn(is_ours);
}

bool Worker::is_debugged(const event::SocketAddress& client) const {
    for (const event::Cidr& range : settings_.debug_connections)
        if (range.contains(client)) return true;
    return false;
}

event::ThreadPool* Worker::find_thread_pool(const Request& request, Text name) {
    event::ThreadPool* pool = settings_.thread_pools.find(name);
    if (pool == nullptr) request.log().error(0, "thread pool \"", name, "\" not found");
    return pool;
}

uint64_t Worker::next_connection_number() {
    return ++shared_counters().connection_number;
}

void Worker::add(ServerConnection& connection) {
    open_.push_back(connection);
    add_to_count();
    ++shared_counters().active;
}

void Worker::remove(ServerConnection&) {
    --shared_counters().active;
    on_room();
}

void Worker::add_to_count() {
    ++count_;
    on_busy();
}

void Worker::on_room() {
    if (--count_ + 1 == settings_.connections) resume_accepting();
}

void Worker::hold_back() {
    if (is_shutting_down_) return;
    report_no_room(reported_wait_at_, ", new ones wait");
    if (!silent_.empty()) await_silence();
    for (const auto& listener : listeners_) listener->hold_back();
}

bool Worker::has_idle() const {
    return !idle_.empty() || upstream::has_idle_connections();
}

bool Worker::has_silent() const {
    return !silent_.empty() && silent_.front().accepted_at() + kSilence <= loop_.now();
}

void Worker::await_silence() {
    if (!is_shutting_down_ && !silence_timer_.is_armed()) silence_timer_.arm(loop_, kSilence);
}

void Worker::look_at_silent() {
    if (may_accept()) return resume_accepting();
    if (!silent_.empty()) await_silence();
}

void Worker::resume_accepting() {
    if (is_shutting_down_) return;
    for (const auto& listener : listeners_) listener->resume();
}

bool Worker::add_upstream() {
    if (!has_room() && !make_room()) return false;
    add_to_count();
    return true;
}

void Worker::remove_upstream() {
    on_room();
}

void Worker::on_accepted(event::Accepted&& accepted, void* endpoint) {
    ++shared_counters().accepted;
    auto* connection = new ServerConnection(*this, *static_cast<const Endpoint*>(endpoint), std::move(accepted));
    ++shared_counters().handled;
    connection->start();
}

void Worker::report_no_room(int64_t& reported_at, Text what) {
    const int64_t second = loop_.wall_msec() / 1000;
    if (second == reported_at) return;
    reported_at = second;
    loop_.log().write(LogLevel::warn, 0, settings_.connections, " worker_connections are not enough", what);
}

bool Worker::make_room() {
    // Where descriptors have run out, whoever found that has said so.
    if (!has_room() && (has_idle() || has_silent())) report_no_room(reported_reuse_at_, ", reusing connections");
    if (has_room() && recent_files().close_open()) return true;
    const uint32_t most = std::max(1U, std::min(kMostClosedAtOnce, count_ / 8));
    uint32_t closed = 0;
    for (; closed < most && !idle_.empty(); ++closed) idle_.front().close(false);
    for (; closed < most && upstream::has_idle_connections(); ++closed) upstream::close_oldest_idle_connection();
    for (; closed < most && has_silent(); ++closed) silent_.front().close(false);
    return closed != 0;
}

// A visit may close the connection, but it is destroyed later.
template <class Visit>
void Worker::for_each_connection(Visit&& visit) {
    for (auto each = open_.begin(); each != open_.end();) {
        ServerConnection& connection = *each;
        ++each;
        visit(connection);
    }
}

void Worker::shut_down(Msec grace) {
    is_shutting_down_ = true;
    grace_ = grace;
    for (const auto& listener : listeners_) listener->stop();
    for_each_connection([](ServerConnection& connection) { connection.shut_down(); });
}

bool Worker::is_listening() const {
    for (const auto& listener : listeners_)
        if (listener->is_running() || listener->has_operations()) return true;
    return false;
}

bool Worker::has_connections() const {
    return !open_.empty() || is_listening();
}

void Worker::give_up() {
    for_each_connection([](ServerConnection& connection) { connection.give_up(); });
}

void Worker::abort() {
    for (const auto& listener : listeners_) listener->stop();
    for_each_connection([](ServerConnection& connection) { connection.close(false); });
}

}  // namespace sluice::http
