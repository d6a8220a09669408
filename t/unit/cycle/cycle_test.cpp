// Cycle: from a configuration file to the settings of a generation, its sockets and its failures.
#include "cycle/cycle.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/conf/diagnostic.h"
#include "core/conf/vectors.h"
#include "core/proc/listening_sockets.h"
#include "cycle/modules.h"

namespace sluice::cycle {
namespace {

namespace fs = std::filesystem;

/// Takes what is logged.
class Lines final : public LogRoute {
 public:
    Lines() { threshold_ = stderr_threshold_ = LogLevel::debug; }
    void emit(LogLevel, Text line) const override { text.append(line).append("\n"); }
    mutable std::string text;
};

/// A service that wants the sockets it is told to.
class FakeService final : public event::Service {
 public:
    std::span<const event::Binding> bindings() const override { return wanted; }
    Result<std::unique_ptr<event::ServiceWorker>> start(event::Loop&, const event::WorkerSettings&) override {
        return Error("not in this test");
    }
    std::vector<event::Binding> wanted;
};

FakeService* service_to_add = nullptr;

struct FakeConf {
    Setting<bool> is_wanted;
};
Result<void> add_service(conf::Parser& parser, FakeConf&, conf::Arguments) {
    parser.environment().services.push_back(service_to_add);
    return {};
}
Result<void> use_pool(conf::Parser& parser, FakeConf&, conf::Arguments words) {
    parser.environment().thread_pools_asked_for.push_back(words[0]);
    return {};
}
constexpr std::array kFakeRows{
    conf::action<FakeConf, add_service>("fake_service", {.where = conf::Context::main}),
    conf::action<FakeConf, use_pool>("fake_aio", {.where = conf::Context::main, .arity = {1, 1}}),
};
const module::Descriptor kFakeModule{
    .name = "fake", .directives = kFakeRows, .conf_types = {conf::conf_type<FakeConf>()}};

class CycleTest : public testing::Test {
 protected:
    CycleTest() {
        char name[] = "/tmp/sluice-cycle-test.XXXXXX";
        EXPECT_NE(mkdtemp(name), nullptr);
        options_.prefix = options_.conf_prefix = std::string(name) + "/";
        options_.conf_path = options_.prefix + "test.conf";
        options_.error_log = options_.prefix + "logs/error.log";
        options_.modules = options_.prefix + "modules/";
        fs::create_directory(options_.prefix + "logs");
        built_in_.assign(kModules.begin(), kModules.end());
        built_in_.push_back(&kFakeModule);
        options_.built_in = built_in_;
        service_to_add = &service_;
    }
    ~CycleTest() override {
        std::error_code error;
        fs::remove_all(options_.prefix, error);
    }

    /// Reads and opens; the error's first line, with the folder as D.
    std::string load(const std::string& text, proc::ListeningSockets* sockets = nullptr,
                     const Cycle* previous = nullptr) {
        std::ofstream(options_.conf_path) << text;
        cycle_ = std::make_unique<Cycle>(options_, Log(&lines_));
        Result<void> done = cycle_->read();
        if (done) done = cycle_->open(sockets, previous);
        if (done) return {};
        std::string error = conf::with_errno(done.error().text, done.error().number);
        error.resize(std::min(error.find('\n'), error.size()));
        for (size_t at = 0; (at = error.find(options_.prefix, at)) != std::string::npos;) {
            error.replace(at, options_.prefix.size(), "D/");
        }
        return error.empty() ? "logged" : error;
    }
    void want(const char* address, uint16_t port, event::ListenOptions options = {}) {
        service_.wanted.push_back({*event::SocketAddress::parse_ip(address, port), options, nullptr});
    }
    /// A port that is free now.
    static uint16_t free_port() {
        const event::SocketAddress any = *event::SocketAddress::parse_ip("127.0.0.1", 0);
        const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
        EXPECT_EQ(::bind(fd.get(), any.get(), any.length()), 0);
        sockaddr_in bound{};
        socklen_t length = sizeof bound;
        EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);
        return ntohs(bound.sin_port);
    }

    Options options_;
    std::vector<const module::Descriptor*> built_in_;
    Lines lines_;
    FakeService service_;
    std::unique_ptr<Cycle> cycle_;
};

TEST_F(CycleTest, MakesSettingsOfTheMainContext) {
    ASSERT_EQ(load("daemon off; master_process off; worker_processes 3; pid run.pid; working_directory /tmp;"
                   "worker_priority -5; worker_rlimit_nofile 4096; worker_rlimit_core 1m; worker_shutdown_timeout 2s;"
                   "env A; env B=c; debug_points abort; events { worker_connections 100; multi_accept on; }"),
              "");
    const proc::Settings& settings = cycle_->settings();
    EXPECT_FALSE(settings.daemon);
    EXPECT_FALSE(settings.master_process);
    EXPECT_EQ(settings.worker_processes, 3U);
    EXPECT_EQ(settings.pid_path, options_.prefix + "run.pid");
    EXPECT_EQ(settings.working_directory, "/tmp");
    EXPECT_EQ(settings.priority, -5);
    EXPECT_EQ(settings.rlimit_nofile, 4096);
    EXPECT_EQ(settings.rlimit_core, 1048576);
    EXPECT_EQ(settings.shutdown_timeout.count, 2000);
    EXPECT_EQ(settings.environment, (std::vector<std::string>{"A", "B=c"}));
    EXPECT_EQ(settings.debug_points, proc::DebugPoints::abort);
    EXPECT_EQ(*cycle_->events().worker_connections, 100U);
    EXPECT_TRUE(*cycle_->events().multi_accept);
}

TEST_F(CycleTest, DefaultsAreTheManuals) {
    ASSERT_EQ(load("events {}"), "");
    const proc::Settings& settings = cycle_->settings();
    EXPECT_TRUE(settings.daemon);
    EXPECT_TRUE(settings.master_process);
    EXPECT_EQ(settings.worker_processes, 1U);
    EXPECT_FALSE(settings.rlimit_nofile.has_value());
    EXPECT_FALSE(settings.rlimit_core.has_value());
    EXPECT_EQ(settings.shutdown_timeout.count, 0);
    EXPECT_TRUE(settings.pid_path.starts_with('/'));
    EXPECT_EQ(*cycle_->events().worker_connections, 512U);
    EXPECT_EQ(*cycle_->events().use, event::BackendKind::best);
    EXPECT_EQ(cycle_->events().accept_mutex_delay->count, 500);
    EXPECT_TRUE(fs::exists(options_.error_log));
}

TEST_F(CycleTest, DirectivesOfTheCommandLineComeFirst) {
    options_.directives = "worker_processes 7; daemon off;";
    ASSERT_EQ(load("events {}"), "");
    EXPECT_EQ(cycle_->settings().worker_processes, 7U);
    EXPECT_EQ(load("daemon on; events {}"), "\"daemon\" directive is duplicate in D/test.conf:1");
}

TEST_F(CycleTest, ATestLeavesNoPidFileAndSparesTheOneThatIsThere) {
    options_.is_test = true;
    ASSERT_EQ(load("pid x.pid; events {}"), "");
    EXPECT_FALSE(fs::exists(options_.prefix + "x.pid"));
    std::ofstream(options_.prefix + "x.pid") << "42";
    ASSERT_EQ(load("pid x.pid; events {}"), "");
    std::string content;
    std::ifstream(options_.prefix + "x.pid") >> content;
    EXPECT_EQ(content, "42");
    EXPECT_EQ(load("pid none/x.pid; events {}"), "open() \"D/none/x.pid\" failed (2: No such file or directory)");
}

TEST_F(CycleTest, OpensSocketsAndKeepsThemOverAReload) {
    const uint16_t port = free_port();
    want("127.0.0.1", port);
    proc::ListeningSockets sockets;
    sockets.begin();
    ASSERT_EQ(load("fake_service; events {}", &sockets), "");
    ASSERT_EQ(cycle_->bound().size(), 1U);
    ASSERT_EQ(cycle_->bound()[0].fds.size(), 1U);
    const int fd = cycle_->bound()[0].fds[0];
    sockets.commit(Log(&lines_));

    std::unique_ptr<Cycle> previous = std::move(cycle_);
    sockets.begin();
    ASSERT_EQ(load("fake_service; events {}", &sockets, previous.get()), "");
    EXPECT_EQ(cycle_->bound()[0].fds, std::vector<int>{fd});
}

TEST_F(CycleTest, ReuseportMeansASocketForEachWorker) {
    want("127.0.0.1", free_port(), {.reuse_port = true});
    proc::ListeningSockets sockets;
    sockets.begin();
    ASSERT_EQ(load("fake_service; worker_processes 3; events {}", &sockets), "");
    EXPECT_EQ(cycle_->bound()[0].fds.size(), 3U);
}

TEST_F(CycleTest, AnAddressInUseIsToldAndTriedAgain) {
    const uint16_t port = free_port();
    const event::SocketAddress address = *event::SocketAddress::parse_ip("127.0.0.1", port);
    Result<UniqueFd> other = event::open_listening_socket(address, {});
    ASSERT_TRUE(other);
    want("127.0.0.1", port);
    proc::ListeningSockets sockets;
    sockets.begin();
    EXPECT_EQ(load("fake_service; events {}", &sockets), "logged");
    const std::string line = "bind() to 127.0.0.1:" + std::to_string(port) + " failed (98: Address already in use)";
    EXPECT_NE(lines_.text.find(line), std::string::npos) << lines_.text;
    EXPECT_NE(lines_.text.find("still could not bind()"), std::string::npos);

    // A test of the configuration does not mind: it is the running server's most likely.
    EXPECT_EQ(load("fake_service; events {}"), "");
}

TEST_F(CycleTest, ATestTellsOfAddressesThatAreNotOurs) {
    want("192.0.2.1", 8080);
    EXPECT_EQ(load("fake_service; events {}"), "logged");
    EXPECT_NE(lines_.text.find("bind() to 192.0.2.1:8080 failed (99: "), std::string::npos) << lines_.text;
}

TEST_F(CycleTest, CountsConnectionsAgainstSockets) {
    want("127.0.0.1", 1);
    want("127.0.0.1", 2);
    EXPECT_EQ(load("fake_service; events { worker_connections 2; }"),
              "2 worker_connections are not enough for 2 listening sockets");
}

TEST_F(CycleTest, KnowsWhetherAThreadPoolExists) {
    EXPECT_EQ(load("fake_aio default; events {}"), "");
    EXPECT_EQ(load("fake_aio later; thread_pool later threads=1; events {}"), "");
    EXPECT_EQ(load("\nfake_aio nope; events {}"), "unknown thread pool \"nope\" in D/test.conf:2");
}

TEST_F(CycleTest, SaysWhatNginxSays) {
    const conf::test::Vectors vectors = conf::test::load_vectors("t/data/conf/main_context.txt");
    ASSERT_GE(vectors.cases.size(), 100U);
    for (const conf::test::Vector& one : vectors.cases) {
        const bool needs_root = one.conf.starts_with("user ");
        if (needs_root && ::geteuid() != 0) continue;
        options_.is_test = true;
        std::string text = one.conf.starts_with("pid") ? one.conf : "pid logs/pid; " + one.conf;
        const std::string error = conf::test::replace_all(load(text), "test.conf", "nginx.conf");
        EXPECT_EQ(error.empty() ? "OK" : error, one.message) << one.conf;
    }
}

TEST_F(CycleTest, AutoloadCanBeSwitchedInTheMiddle) {
    EXPECT_EQ(load("autoload_modules off; events {}"), "");
    EXPECT_EQ(
        load("autoload_modules maybe; events {}"),
        "invalid value \"maybe\" in \"autoload_modules\" directive, it must be \"on\" or \"off\" in D/test.conf:1");
}

}  // namespace
}  // namespace sluice::cycle
