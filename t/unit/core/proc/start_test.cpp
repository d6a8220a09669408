// Starting: the daemon, what is inherited, what a worker is set up with, helpers, and life without a master.
#include <cerrno>
#include <csignal>
#include <sstream>

#include <sys/resource.h>
#include <sys/stat.h>

#include "core/log/open_files.h"
#include "core/proc/child.h"
#include "core/proc/run.h"
#include "core/proc/toy.h"

namespace sluice::proc::test {
namespace {

std::string field_of(pid_t pid, const std::string& file, const std::string& name) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
    std::string line;
    while (std::getline(in, line))
        if (line.starts_with(name)) return line.substr(name.size());
    return "";
}

std::string link_of(pid_t pid, const std::string& name) {
    char target[4096] = {};
    const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
    return ::readlink(path.c_str(), target, sizeof target - 1) > 0 ? target : "";
}

TEST(Daemon, CommandReturnsWhenTheServerRuns) {
    Toy toy;
    ASSERT_EQ(toy.start_and_wait("daemon on\ntext daemon"), 0) << toy.log() << toy.folder.read("stderr");
    const pid_t master = toy.master();
    ASSERT_GT(master, 0) << "the pid file is there as soon as the command returns";
    EXPECT_NE(toy.text(), "");
    EXPECT_EQ(::getsid(master), master);
    EXPECT_EQ(link_of(master, "fd/0"), "/dev/null");
    EXPECT_EQ(link_of(master, "fd/1"), "/dev/null");
    EXPECT_EQ(link_of(master, "fd/2"), toy.folder.path("error.log"));
    EXPECT_EQ(field_of(master, "status", "Umask:"), "\t0000");
    toy.signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return !is_alive(master); }));
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
}

TEST(Daemon, CommandFailsWhenTheServerDoesNotStart) {
    Toy toy;
    EXPECT_EQ(toy.start_and_wait("daemon on\npid /nonexistent/pid"), 1);
    EXPECT_EQ(toy.folder.read("stderr"),
              "sluice: [emerg] open() \"/nonexistent/pid\" failed (2: No such file or directory)\n");
    Toy broken;
    EXPECT_EQ(broken.start_and_wait("daemon on\nbad no such thing"), 1);
    EXPECT_EQ(broken.folder.read("stderr"), "sluice: [emerg] no such thing\n");
    EXPECT_NE(::access(broken.socket().c_str(), F_OK), 0);
}

TEST(Worker, HasTheLimitsOfTheSettings) {
    Toy toy;
    toy.start("priority 5\nnofile 333\ncore 4096\ndirectory /usr\naffinity 1");
    const pid_t worker = toy.workers().at(0);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(worker)), 5);
    EXPECT_EQ(link_of(worker, "cwd"), "/usr");
    std::istringstream files(field_of(worker, "limits", "Max open files"));
    std::string soft;
    files >> soft;
    EXPECT_EQ(soft, "333");
    std::istringstream core(field_of(worker, "limits", "Max core file size"));
    core >> soft;
    EXPECT_EQ(soft, "4096");
    EXPECT_EQ(field_of(worker, "status", "Cpus_allowed_list:"), "\t0");
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(toy.master())), ::getpriority(PRIO_PROCESS, 0))
        << "the master keeps its own";
}

TEST(Worker, RunsAsTheUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    Toy toy;
    ::chmod(toy.folder.path("").c_str(), 0777);
    toy.start("user daemon");
    const pid_t worker = toy.workers().at(0);
    EXPECT_EQ(field_of(worker, "status", "Uid:"), "\t1\t1\t1\t1");
    EXPECT_EQ(field_of(worker, "status", "Gid:"), "\t1\t1\t1\t1");
    EXPECT_EQ(field_of(worker, "status", "Groups:"), "\t1 ");
    EXPECT_EQ(field_of(toy.master(), "status", "Uid:"), "\t0\t0\t0\t0");
    struct stat status {};
    ::stat(("/proc/" + std::to_string(worker) + "/fd").c_str(), &status);
    EXPECT_EQ(status.st_uid, 1U) << "dumpable: /proc belongs to the user";
    // Files that the master opens anew belong to the user, who can open them again.
    ::rename(toy.folder.path("error.log").c_str(), toy.folder.path("error.log.1").c_str());
    toy.signal(SIGUSR1);
    EXPECT_TRUE(
        wait_until([&] { return ::stat(toy.folder.path("error.log").c_str(), &status) == 0 && status.st_uid == 1; }));
    EXPECT_EQ(toy.count_in_log("failed"), 0U) << toy.log();
}

TEST(Worker, FolderThatIsMissingIsFatal) {
    Toy toy;
    toy.launch("directory /nonexistent");
    EXPECT_TRUE(toy.logs("[alert]"));
    EXPECT_TRUE(toy.logs("chdir(\"/nonexistent\") failed (2: No such file or directory)"));
    EXPECT_TRUE(toy.logs("exited with fatal code 2 and cannot be respawned"));
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

/// kFailed: the master tries again, at longer and longer intervals.
TEST(Worker, AShortageOfTheMachineIsNotFatal) {
    for (const int number : {ENOMEM, ENOBUFS, ENFILE, ENOSPC, EAGAIN}) EXPECT_EQ(exit_code_after(number), kFailed);
    for (const int number : {0, EPERM, ENOENT, EACCES, EMFILE}) EXPECT_EQ(exit_code_after(number), kFatal);
}

TEST(Worker, SeesTheEnvironmentThatIsKept) {
    Toy toy;
    toy.environment = {"KEPT=a b", "HIDDEN=x", "TZ=UTC0", "SET=outside"};
    toy.start("env KEPT\nenv SET=inside\nenv MISSING");
    Client client(toy.socket());
    EXPECT_EQ(client.ask("env KEPT"), "a b");
    EXPECT_EQ(client.ask("env SET"), "inside");
    EXPECT_EQ(client.ask("env TZ"), "UTC0");
    EXPECT_EQ(client.ask("env HIDDEN"), "unset");
    EXPECT_EQ(client.ask("env MISSING"), "unset");
}

TEST(Worker, ToldDirectlyDoesAsTold) {
    Toy toy;
    toy.start("workers 1\ndaemon on");
    const pid_t first = toy.workers().at(0);
    Client busy(toy.socket());
    busy.ask("begin");
    toy.signal(SIGHUP, first);
    toy.signal(SIGUSR2, first);
    toy.signal(SIGQUIT, first);
    EXPECT_TRUE(toy.logs("signal 3 (SIGQUIT) received from " + std::to_string(::getpid()) + ", shutting down"));
    EXPECT_TRUE(toy.logs("(SIGHUP) received from " + std::to_string(::getpid()) + ", ignoring"));
    busy.ask("end");
    EXPECT_TRUE(wait_until([&] { return !is_alive(first) && toy.workers().size() == 1; })) << "and is replaced";
    const pid_t second = toy.workers().at(0);
    toy.signal(SIGWINCH, second);
    EXPECT_TRUE(wait_until([&] { return !is_alive(second); })) << "WINCH is QUIT for the worker of a daemon";
    toy.signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return toy.master() == 0; }));
}

TEST(Worker, InATerminalWinchIsNothing) {
    Toy toy;
    toy.start("workers 1");
    const pid_t worker = toy.workers().at(0);
    toy.signal(SIGWINCH, worker);
    toy.signal(SIGWINCH);
    EXPECT_TRUE(toy.logs("signal 28 (SIGWINCH) received from " + std::to_string(::getpid()) + "\n"));
    EXPECT_NE(Client(toy.socket()).ask("hello"), "");
    EXPECT_TRUE(is_alive(worker));
}

TEST(Helper, RunsBesideWorkersAndIsReplaced) {
    Toy toy;
    toy.start("workers 1\ntext one\nhelper");
    const auto helper = [&] {
        for (const pid_t pid : toy.children())
            if (title_of(pid) == "sluice: toy helper process") return pid;
        return 0;
    };
    EXPECT_TRUE(wait_until([&] { return helper() != 0; }));
    const pid_t first = helper();
    EXPECT_TRUE(toy.logs("start toy helper process " + std::to_string(first)));
    toy.signal(SIGKILL, first);
    EXPECT_TRUE(toy.logs("toy helper process " + std::to_string(first) + " exited on signal 9"));
    EXPECT_TRUE(wait_until([&] { return helper() != 0 && helper() != first; }));
    toy.configure("workers 1\ntext two");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two" && helper() == 0; }));
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

TEST(Alone, ServesReloadsAndStops) {
    Toy toy;
    toy.start("alone\ntext one");
    EXPECT_TRUE(toy.children().empty());
    EXPECT_EQ(toy.master(), toy.started);
    toy.configure("alone\nbad broken");
    toy.signal(SIGHUP);
    EXPECT_TRUE(toy.logs("broken"));
    EXPECT_EQ(toy.text(), "one");
    toy.configure("alone\ntext two");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
    toy.signal(SIGUSR1);
    EXPECT_TRUE(toy.logs("reopening logs"));
    toy.signal(SIGQUIT);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_NE(::access(toy.folder.path("pid").c_str(), F_OK), 0);
    EXPECT_NE(::access(toy.socket().c_str(), F_OK), 0);
}

TEST(SendSignal, SpeaksOfFailuresAsNginxDoes) {
    const log::test::Folder folder;
    const std::string path = folder.path("pid");
    const auto attempt = [&](const std::string& content) {
        if (!content.empty()) std::ofstream(path) << content;
        const log::test::Capture capture(LogLevel::error);
        EXPECT_EQ(send_signal("stop", path, Log(&capture)), 1);
        const std::string line = capture.lines.empty() ? "" : capture.lines.back();
        return line.substr(std::min(line.size(), line.find(": ") + 2));
    };
    EXPECT_EQ(attempt(""), "open() \"" + path + "\" failed (2: No such file or directory)");
    EXPECT_EQ(attempt("abc\n"), "invalid PID number \"abc\" in \"" + path + "\"");
    EXPECT_EQ(attempt("\n"), "invalid PID number \"\" in \"" + path + "\"");
    EXPECT_EQ(attempt("-1\n"), "invalid PID number \"-1\" in \"" + path + "\"");
    EXPECT_EQ(attempt("0\n"), "invalid PID number \"0\" in \"" + path + "\"");
    EXPECT_EQ(attempt("99999999999\n"), "invalid PID number \"99999999999\" in \"" + path + "\"");
    EXPECT_EQ(attempt("99999999\n"), "kill(99999999, 15) failed (3: No such process)");
    EXPECT_TRUE(is_signal_name("reload"));
    EXPECT_FALSE(is_signal_name("restart"));
}

TEST(SendSignal, ReachesTheMaster) {
    Toy toy;
    toy.start("text one");
    const log::test::Capture capture;
    const std::string path = toy.folder.path("pid");
    toy.configure("text two");
    EXPECT_EQ(send_signal("reload", path, Log(&capture)), 0);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
    EXPECT_EQ(send_signal("reopen", path, Log(&capture)), 0);
    EXPECT_TRUE(toy.logs("reopening logs"));
    EXPECT_EQ(send_signal("quit", path, Log(&capture)), 0);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_NE(capture.lines.at(0).find("[notice]"), std::string::npos);
    EXPECT_NE(capture.lines.at(0).find("signal process started"), std::string::npos);
}

}  // namespace
}  // namespace sluice::proc::test
