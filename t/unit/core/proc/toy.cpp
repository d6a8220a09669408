// The toy server itself: a generation whose workers answer lines on a unix socket.
#include "core/proc/toy.h"

#include <csignal>
#include <cstring>
#include <list>
#include <map>
#include <sstream>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "core/log/error_log.h"
#include "core/log/open_files.h"
#include "core/proc/generation.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/run.h"
#include "core/proc/title.h"
#include "core/proc/worker.h"

namespace sluice::proc::test {
namespace {

std::string toy_folder;

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

struct Conf {
    Settings settings;
    std::vector<std::string> listens;
    std::string text;
    std::string bad;
    int exit_at_start = -1;
    bool crash_at_start = false;
    bool never_ready = false;
    bool stuck = false;
    bool has_helper = false;
};

Conf read_conf(const std::string& folder) {
    Conf conf;
    conf.settings.worker_processes = 1;
    conf.settings.daemon = false;
    conf.settings.pid_path = folder + "/pid";
    conf.listens.push_back(folder + "/socket");
    std::ifstream in(folder + "/conf");
    std::string line;
    while (std::getline(in, line)) {
        const std::string key = line.substr(0, line.find(' '));
        const std::string value = line.find(' ') == std::string::npos ? "" : line.substr(line.find(' ') + 1);
        if (key == "workers") conf.settings.worker_processes = static_cast<unsigned>(std::stoul(value));
        if (key == "daemon") conf.settings.daemon = true;
        if (key == "alone") conf.settings.master_process = false;
        if (key == "pid") conf.settings.pid_path = value;
        if (key == "env") conf.settings.environment.push_back(value);
        if (key == "priority") conf.settings.priority = std::stoi(value);
        if (key == "nofile") conf.settings.rlimit_nofile = std::stol(value);
        if (key == "core") conf.settings.rlimit_core = std::stol(value);
        if (key == "directory") conf.settings.working_directory = value;
        if (key == "user") conf.settings.user = *parse_user(value, value);
        if (key == "affinity") conf.settings.affinity = *parse_affinity(std::vector<Text>{value});
        if (key == "listen") conf.listens.push_back(value);
        if (key == "text") conf.text = value;
        if (key == "bad") conf.bad = value;
        if (key == "exit_at_start") conf.exit_at_start = std::stoi(value);
        if (key == "crash_at_start") conf.crash_at_start = true;
        if (key == "never_ready") conf.never_ready = true;
        if (key == "stuck") conf.stuck = true;
        if (key == "helper") conf.has_helper = true;
    }
    return conf;
}

/// Serves until told to leave.
class Server {
 public:
    Server(Worker& worker, const Conf& conf, const std::vector<int>& listeners)
        : worker_(worker), conf_(conf), listeners_(listeners) {}

    int run() {
        if (!conf_.never_ready) worker_.say_ready();
        for (;;) {
            std::vector<pollfd> watched{{worker_.wake_fd(), POLLIN, 0}};
            for (const int fd : listeners_) watched.push_back({fd, POLLIN, 0});
            for (const Peer& peer : peers_) watched.push_back({peer.fd.get(), POLLIN, 0});
            ::poll(watched.data(), watched.size(), -1);
            const Requests asked = conf_.stuck ? Requests{} : worker_.take_requests();
            if (asked.terminate) return 0;
            if (asked.quit) {
                listeners_.clear();
                worker_.say_shutting_down();
                worker_.close_sockets();
                std::erase_if(peers_, [](const Peer& peer) { return !peer.is_busy; });
                is_leaving_ = true;
            }
            accept_all();
            std::erase_if(peers_, [this](Peer& peer) { return !serve(peer); });
            if (is_leaving_ && peers_.empty()) return 0;
        }
    }

 private:
    struct Peer {
        UniqueFd fd;
        std::string input;
        bool is_busy = false;
    };

    void accept_all() {
        for (const int fd : listeners_) {
            const int accepted = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (accepted >= 0) peers_.push_back({UniqueFd(accepted), "", false});
        }
    }
    /// False when the connection is over.
    bool serve(Peer& peer) {
        char room[1024];
        const ssize_t size = ::recv(peer.fd.get(), room, sizeof room, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) return false;
        if (size > 0) peer.input.append(room, static_cast<size_t>(size));
        for (size_t end = 0; (end = peer.input.find('\n')) != std::string::npos;) {
            const std::string line = peer.input.substr(0, end);
            peer.input.erase(0, end + 1);
            answer(peer, line);
            if (is_leaving_ && !peer.is_busy) return false;
        }
        return true;
    }
    void answer(Peer& peer, const std::string& line) {
        const std::string pid = std::to_string(::getpid());
        if (line == "hello") reply(peer, pid + " " + conf_.text);
        if (line == "begin") {
            peer.is_busy = true;
            reply(peer, "begun " + pid);
        }
        if (line == "end") {
            peer.is_busy = false;
            reply(peer, "ended " + pid);
        }
        if (line.starts_with("exit ")) std::exit(std::stoi(line.substr(5)));
        if (line.starts_with("env ")) {
            const char* value = std::getenv(line.substr(4).c_str());
            reply(peer, value != nullptr ? value : "unset");
        }
        if (line == "index") reply(peer, std::to_string(worker_.index()));
    }
    static void reply(const Peer& peer, const std::string& line) {
        const std::string text = line + "\n";
        [[maybe_unused]] const ssize_t sent = ::send(peer.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }

    Worker& worker_;
    const Conf& conf_;
    std::vector<int> listeners_;
    std::list<Peer> peers_;
    bool is_leaving_ = false;
};

int run_helper(Worker& worker, void*) {
    for (;;) {
        pollfd watched{worker.wake_fd(), POLLIN, 0};
        ::poll(&watched, 1, -1);
        const Requests asked = worker.take_requests();
        if (asked.terminate || asked.quit) return 0;
    }
}

class ToyGeneration final : public Generation {
 public:
    explicit ToyGeneration(Conf conf) : conf_(std::move(conf)) {
        error_log_.add(files_.file(toy_folder + "/error.log"), LogLevel::info);
        log_.set_route(&error_log_);
        helper_.name = "toy helper process";
        helper_.is_replaced = true;
        helper_.body = run_helper;
    }
    Result<void> open(ListeningSockets& sockets) {
        if (Result<void> opened = files_.open(); !opened) return opened;
        for (const std::string& path : conf_.listens) {
            const sockaddr_un address = unix_address(path);
            const auto* any = reinterpret_cast<const sockaddr*>(&address);
            const auto length = static_cast<socklen_t>(sizeof address);
            int fd = sockets.claim(any, length, SOCK_STREAM);
            if (fd < 0) {
                UniqueFd fresh(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
                if (::bind(fresh.get(), any, length) != 0) return Error("bind() to unix:" + path + " failed", errno);
                ::listen(fresh.get(), 128);
                fd = sockets.add(any, length, SOCK_STREAM, std::move(fresh));
            }
            listeners_.push_back(fd);
        }
        // What comes last fails last: everything else was done, and must be taken back.
        if (!conf_.bad.empty()) return Error(conf_.bad);
        return {};
    }
    const Settings& settings() const override { return conf_.settings; }
    const Log& log() const override { return log_; }
    const log::ErrorLog& error_log() const override { return error_log_; }
    int run_worker(Worker& worker) override {
        if (conf_.exit_at_start >= 0) return conf_.exit_at_start;
        if (conf_.crash_at_start) ::raise(SIGKILL);
        return Server(worker, conf_, listeners_).run();
    }
    std::span<const HelperProcess> helpers() const override {
        return {&helper_, static_cast<size_t>(conf_.has_helper ? 1 : 0)};
    }
    void reopen_logs(uid_t owner) override { files_.reopen(log_, owner); }

 private:
    Conf conf_;
    log::OpenFiles files_;
    log::ErrorLog error_log_;
    Log log_;
    HelperProcess helper_;
    std::vector<int> listeners_;
};

class ToyLoader final : public Loader {
 public:
    Result<std::unique_ptr<Generation>> load(ListeningSockets& sockets, Generation*) override {
        auto generation = std::make_unique<ToyGeneration>(read_conf(toy_folder));
        if (Result<void> opened = generation->open(sockets); !opened) return opened.error();
        return std::unique_ptr<Generation>(std::move(generation));
    }
    void rehearse(Generation&) override {}
};

int saved_count = 0;
char** saved_arguments = nullptr;

/// gtest rearranges argv; the title needs the memory as the kernel laid it out.
__attribute__((constructor)) void save_arguments(int count, char** arguments) {
    saved_count = count;
    saved_arguments = new char*[static_cast<size_t>(count) + 1]();
    std::copy(arguments, arguments + count, saved_arguments);
}

constexpr Text kToyOption = "--toy=";

TEST(Toy, DISABLED_Main) {
    const Text last = saved_arguments[saved_count - 1];
    if (!last.starts_with(kToyOption)) GTEST_SKIP() << "only by Toy::start()";
    toy_folder = last.substr(kToyOption.size());
    init_title(saved_count, saved_arguments);
    log::OpenFiles files;
    log::ErrorLog start_log;
    start_log.add(files.file(toy_folder + "/error.log"), LogLevel::info);
    if (!files.open()) ::_exit(3);
    ToyLoader loader;
    ::exit(run(loader, Log(&start_log)));
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

}  // namespace

// --- the test's side ---

bool wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
        if (condition()) return true;
        ::usleep(5000);
    }
    return false;
}

/// As in /proc/PID/stat: 'Z' of a zombie, 'T' of one that was stopped; 0: there is none.
static char state_of(pid_t pid) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && name_end + 2 < stat.size() ? stat[name_end + 2] : '\0';
}

bool is_alive(pid_t pid) {
    const char state = state_of(pid);
    return state != '\0' && state != 'Z';
}

std::string title_of(pid_t pid) {
    std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    while (!line.empty() && line.back() == '\0') line.pop_back();
    return line;
}

Client::Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = unix_address(path);
    is_connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void Client::send(const std::string& line) {
    const std::string text = line + "\n";
    [[maybe_unused]] const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

std::string Client::receive() {
    std::string line;
    for (;;) {
        pollfd waiting{fd_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 10000) != 1) return "timeout";
        char c = 0;
        if (::recv(fd_.get(), &c, 1, 0) != 1) return "";
        if (c == '\n') return line;
        line.push_back(c);
    }
}

std::string Client::ask(const std::string& line) {
    send(line);
    return receive();
}

Toy::~Toy() {
    std::vector<pid_t> all{started, read_pid("pid"), read_pid("pid.oldbin")};
    for (const pid_t master : std::vector<pid_t>(all)) {
        if (master <= 0 || title_of(master).find("sluice: ") != 0) continue;
        // One that goes on could fork a worker behind our back.
        ::kill(master, SIGSTOP);
        wait_until([&] { return !is_alive(master) || state_of(master) == 'T'; });
        for (const pid_t child : children(master)) all.push_back(child);
    }
    for (const pid_t pid : all)
        if (pid > 0 && title_of(pid).find("sluice: ") == 0) ::kill(pid, SIGKILL);
    if (started > 0) {
        ::kill(started, SIGKILL);
        ::waitpid(started, nullptr, 0);
    }
}

void Toy::configure(const std::string& lines) {
    std::ofstream(folder.path("conf.new")) << lines;
    ::rename(folder.path("conf.new").c_str(), folder.path("conf").c_str());
}

void Toy::spawn() {
    char self[4096] = {};
    [[maybe_unused]] const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self - 1);
    std::string words[] = {self, "--gtest_also_run_disabled_tests", "--gtest_filter=Toy.DISABLED_Main",
                           std::string(kToyOption) + folder.path("")};
    words[3].pop_back();
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<char*> variables;
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    started = ::fork();
    if (started != 0) return;
    ::dup2(::open(folder.path("stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), STDERR_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execve(argv[0], argv.data(), variables.data());
    ::_exit(127);
}

void Toy::launch(const std::string& lines) {
    configure(lines);
    spawn();
}

void Toy::start(const std::string& lines) {
    launch(lines);
    ASSERT_TRUE(wait_until([this] { return master() > 0 && Client(socket()).ask("hello") != ""; })) << log();
}

int Toy::start_and_wait(const std::string& lines) {
    launch(lines);
    return wait_for_end();
}

int Toy::wait_for_end() {
    int status = 0;
    pid_t ended = 0;
    if (!wait_until([&] { return (ended = ::waitpid(started, &status, WNOHANG)) != 0; })) return -1000;
    started = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

pid_t Toy::read_pid(const std::string& name) const {
    return static_cast<pid_t>(std::atoi(folder.read(name).c_str()));
}

pid_t Toy::master_after(pid_t previous) const {
    pid_t found = 0;
    wait_until([&] {
        // One read decides: between two of them the file may be moved away.
        found = master();
        return found != 0 && found != previous;
    });
    return found != previous ? found : 0;
}

void Toy::signal(int number, pid_t to) const {
    ::kill(to != 0 ? to : master(), number);
}

std::vector<pid_t> Toy::children(pid_t parent) const {
    const std::string number = std::to_string(parent != 0 ? parent : master());
    std::istringstream in(read_file("/proc/" + number + "/task/" + number + "/children"));
    std::vector<pid_t> all;
    for (pid_t pid = 0; in >> pid;)
        if (is_alive(pid)) all.push_back(pid);
    return all;
}

std::vector<pid_t> Toy::workers(pid_t parent) const {
    std::vector<pid_t> all = children(parent);
    std::erase_if(all, [](pid_t pid) { return title_of(pid).find(": worker process") == std::string::npos; });
    return all;
}

bool Toy::waits_for_workers(size_t count, pid_t parent) const {
    return wait_until([&] { return workers(parent).size() == count; });
}

std::string Toy::text() const {
    const std::string answer = Client(socket()).ask("hello");
    return answer.find(' ') == std::string::npos ? answer : answer.substr(answer.find(' ') + 1);
}

bool Toy::logs(const std::string& part) const {
    return wait_until([&] { return log().find(part) != std::string::npos; });
}

size_t Toy::count_in_log(const std::string& part) const {
    const std::string all = log();
    size_t count = 0;
    for (size_t at = 0; (at = all.find(part, at)) != std::string::npos; at += part.size()) ++count;
    return count;
}

}  // namespace sluice::proc::test

/// A machine that has no more processes, as long as FOLDER/no-fork exists. Everybody else's fork is libc's.
extern "C" pid_t fork() {
    using Fork = pid_t (*)();
    static const auto real = reinterpret_cast<Fork>(::dlsym(RTLD_NEXT, "fork"));
    const std::string& folder = sluice::proc::test::toy_folder;
    if (!folder.empty() && ::access((folder + "/no-fork").c_str(), F_OK) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return real();
}
