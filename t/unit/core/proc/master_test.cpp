// The master from outside: start, titles, workers that die, reloads that work and reloads that do not.
#include <atomic>
#include <csignal>
#include <thread>

#include <sys/stat.h>

#include "core/proc/toy.h"

namespace sluice::proc::test {
namespace {

TEST(Master, StartsAnswersAndStops) {
    Toy toy;
    toy.start("workers 2\ntext one");
    EXPECT_EQ(toy.master(), toy.started);
    EXPECT_TRUE(toy.waits_for_workers(2));
    EXPECT_EQ(toy.text(), "one");
    EXPECT_EQ(toy.folder.read("pid"), std::to_string(toy.started) + "\n");
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_EQ(toy.folder.read("pid"), "");
    EXPECT_NE(::access(toy.folder.path("pid").c_str(), F_OK), 0);
    EXPECT_NE(::access(toy.socket().c_str(), F_OK), 0) << "unix sockets are removed";
    EXPECT_TRUE(toy.logs("start worker processes\n"));
    EXPECT_TRUE(toy.logs("signal 15 (SIGTERM) received from "));
    EXPECT_EQ(toy.count_in_log("exited with code 0"), 2U);
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
    EXPECT_EQ(toy.folder.read("stderr"), "");
}

TEST(Master, TitlesSayWhatAProcessIs) {
    Toy toy;
    toy.environment = {"ROOM=" + std::string(200, 'x')};  // titles are written over arguments and environment
    toy.start("workers 1");
    EXPECT_TRUE(title_of(toy.master()).starts_with("sluice: master process /")) << title_of(toy.master());
    EXPECT_TRUE(
        title_of(toy.master()).ends_with(" --toy=" + toy.folder.path("").substr(0, toy.folder.path("").size() - 1)));
    ASSERT_EQ(toy.workers().size(), 1U);
    const pid_t worker = toy.workers()[0];
    EXPECT_EQ(title_of(worker), "sluice: worker process");
    Client client(toy.socket());
    client.ask("begin");
    toy.signal(SIGQUIT);
    EXPECT_TRUE(wait_until([&] { return title_of(worker) == "sluice: worker process is shutting down"; }));
    client.ask("end");
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_TRUE(toy.logs("gracefully shutting down\n"));
}

TEST(Master, QuitFinishesRequestsAndRefusesNewConnections) {
    Toy toy;
    toy.start("workers 1");
    Client busy(toy.socket());
    Client idle(toy.socket());
    EXPECT_TRUE(busy.ask("begin").starts_with("begun "));
    EXPECT_NE(idle.ask("hello"), "");
    toy.signal(SIGQUIT);
    EXPECT_EQ(idle.receive(), "") << "idle connections are closed";
    EXPECT_TRUE(wait_until([&] { return !Client(toy.socket()).is_connected(); }));
    toy.signal(SIGHUP);
    EXPECT_TRUE(is_alive(toy.started));
    EXPECT_TRUE(busy.ask("end").starts_with("ended "));
    EXPECT_EQ(toy.wait_for_end(), 0);
}

TEST(Master, TermAfterQuitIsFast) {
    Toy toy;
    toy.start("workers 1");
    Client busy(toy.socket());
    busy.ask("begin");
    toy.signal(SIGQUIT);
    EXPECT_TRUE(toy.logs("gracefully shutting down"));
    toy.signal(SIGINT);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_EQ(busy.receive(), "");
}

TEST(Master, WorkerThatDoesNotStopIsKilled) {
    Toy toy;
    toy.start("workers 1\nstuck");
    const pid_t worker = toy.workers().at(0);
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_TRUE(toy.logs("worker process " + std::to_string(worker) + " exited on signal 9"));
}

TEST(Master, KilledWorkerIsReplaced) {
    Toy toy;
    toy.start("workers 2");
    ASSERT_TRUE(toy.waits_for_workers(2));
    const pid_t victim = toy.workers()[0];
    toy.signal(SIGKILL, victim);
    EXPECT_TRUE(toy.logs("[alert]"));
    EXPECT_TRUE(toy.logs(": worker process " + std::to_string(victim) + " exited on signal 9\n"));
    EXPECT_TRUE(wait_until([&] {
        const std::vector<pid_t> now = toy.workers();
        return now.size() == 2 && now[0] != victim && now[1] != victim;
    }));
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

TEST(Master, ReplacementHasTheNumberOfTheDead) {
    Toy toy;
    toy.start("workers 1");
    EXPECT_EQ(Client(toy.socket()).ask("index"), "0");
    Client(toy.socket()).send("exit 1");
    EXPECT_TRUE(toy.logs("exited with code 1"));
    EXPECT_EQ(Client(toy.socket()).ask("index"), "0");
}

TEST(Master, FatalExitCodeIsNotAnsweredByANewStart) {
    Toy toy;
    toy.start("workers 2");
    ASSERT_TRUE(toy.waits_for_workers(2));
    Client(toy.socket()).send("exit 2");
    EXPECT_TRUE(toy.logs(" exited with fatal code 2 and cannot be respawned\n"));
    EXPECT_TRUE(toy.waits_for_workers(1));
    EXPECT_EQ(toy.count_in_log("start worker process "), 2U);
}

TEST(Master, StormOfDeathsIsSlowedDown) {
    Toy toy;
    toy.launch("workers 1\ncrash_at_start");
    EXPECT_TRUE(toy.logs("worker process died 4 times in a row right after its start, next start in 400 ms"));
    EXPECT_LE(toy.count_in_log("start worker process "), 5U);
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

TEST(Master, WorkersGoOnWithoutTheMaster) {
    Toy toy;
    toy.start("workers 1\ntext orphan");
    const pid_t worker = toy.workers().at(0);
    toy.signal(SIGKILL);
    EXPECT_EQ(toy.wait_for_end(), -SIGKILL);
    EXPECT_EQ(toy.text(), "orphan");
    ::kill(worker, SIGQUIT);
    EXPECT_TRUE(wait_until([&] { return !is_alive(worker); }));
}

TEST(Master, ForkThatFailsIsTriedAgain) {
    Toy toy;
    toy.start("workers 1");
    const pid_t worker = toy.workers().at(0);
    std::ofstream(toy.folder.path("no-fork")) << "";
    toy.signal(SIGKILL, worker);
    EXPECT_TRUE(toy.logs("[alert]"));
    EXPECT_TRUE(toy.logs("fork() failed while spawning \"worker process\" (11: Resource temporarily unavailable)"));
    ::unlink(toy.folder.path("no-fork").c_str());
    EXPECT_TRUE(toy.waits_for_workers(1));
    EXPECT_NE(toy.workers().at(0), worker);
}

// --- reload ---

TEST(MasterReload, NewWorkersTakeOverAndOldOnesFinish) {
    Toy toy;
    toy.start("workers 2\ntext one");
    Client busy(toy.socket());
    const std::string begun = busy.ask("begin");
    const std::vector<pid_t> old = toy.workers();
    toy.configure("workers 1\ntext two");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
    EXPECT_TRUE(toy.waits_for_workers(2)) << "one new, and the old one that is busy";
    EXPECT_EQ(busy.ask("end"), "ended " + begun.substr(6));
    EXPECT_TRUE(toy.waits_for_workers(1));
    for (const pid_t pid : old) EXPECT_TRUE(wait_until([pid] { return !is_alive(pid); }));
    EXPECT_TRUE(toy.logs("reconfiguring\n"));
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
}

TEST(MasterReload, NoConnectionIsEverRefused) {
    Toy toy;
    toy.start("workers 2\ntext 0");
    std::atomic<bool> is_over = false;
    std::atomic<int> failures = 0;
    std::atomic<int> answers = 0;
    std::thread load([&] {
        while (!is_over) {
            Client client(toy.socket());
            // An idle connection may be closed between connect and the first line; then one asks again, as browsers
            // do.
            if (!client.is_connected()) ++failures;
            if (client.ask("begin") == "") continue;
            if (client.ask("end") == "") ++failures;
            ++answers;
        }
    });
    for (int i = 1; i <= 10; ++i) {
        toy.configure("workers 2\ntext " + std::to_string(i));
        toy.signal(SIGHUP);
        EXPECT_TRUE(wait_until([&] { return toy.text() == std::to_string(i); }));
    }
    is_over = true;
    load.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GT(answers, 10);
    EXPECT_TRUE(toy.waits_for_workers(2));
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
}

TEST(MasterReload, BrokenConfigurationChangesNothing) {
    Toy toy;
    toy.start("workers 1\ntext one");
    const std::vector<pid_t> before = toy.workers();
    const std::string extra = toy.folder.path("extra");
    toy.configure("workers 1\ntext two\nlisten " + extra + "\nbad unknown directive \"foo\" in x:1");
    toy.signal(SIGHUP);
    EXPECT_TRUE(toy.logs("[emerg]"));
    EXPECT_TRUE(toy.logs("unknown directive \"foo\" in x:1\n"));
    EXPECT_EQ(toy.text(), "one");
    EXPECT_EQ(toy.workers(), before);
    EXPECT_FALSE(Client(extra).is_connected()) << "sockets that were opened for it are closed";
    EXPECT_NE(::access(extra.c_str(), F_OK), 0);
    toy.configure("workers 1\ntext three\nlisten " + extra);
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "three"; })) << "and the next one works";
    EXPECT_TRUE(Client(extra).ask("hello").ends_with("three"));
}

TEST(MasterReload, ListensAreAddedAndRemoved) {
    Toy toy;
    const std::string extra = toy.folder.path("extra");
    toy.start("text one");
    EXPECT_FALSE(Client(extra).is_connected());
    toy.configure("text two\nlisten " + extra);
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return Client(extra).ask("hello").ends_with("two"); }));
    Client busy(extra);
    busy.ask("begin");
    toy.configure("text three");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "three"; }));
    EXPECT_TRUE(wait_until([&] { return !Client(extra).is_connected(); }));
    EXPECT_TRUE(wait_until([&] { return ::access(extra.c_str(), F_OK) != 0; }));
    EXPECT_TRUE(busy.ask("end").starts_with("ended ")) << "its connections are served to the end";
}

TEST(MasterReload, WorkersThatCannotStartAreTakenBack) {
    for (const char* fault : {"exit_at_start 2", "crash_at_start"}) {
        Toy toy;
        const std::string extra = toy.folder.path("extra");
        toy.start("workers 2\ntext one");
        ASSERT_TRUE(toy.waits_for_workers(2));
        const std::vector<pid_t> before = toy.workers();
        toy.configure(std::string("workers 2\nlisten ") + extra + "\n" + fault);
        toy.signal(SIGHUP);
        EXPECT_TRUE(toy.logs("[emerg]")) << fault;
        EXPECT_TRUE(
            toy.logs("no worker of the new configuration could be started, the old configuration stays in force"));
        EXPECT_TRUE(wait_until([&] { return toy.workers() == before; })) << fault;
        EXPECT_EQ(toy.text(), "one");
        EXPECT_NE(::access(extra.c_str(), F_OK), 0);
        // The old generation is in force with all rights: its workers are replaced, it reloads and stops.
        toy.signal(SIGKILL, before[0]);
        EXPECT_TRUE(wait_until([&] { return toy.workers().size() == 2 && toy.workers() != before; }));
        EXPECT_EQ(toy.text(), "one");
        toy.configure("workers 1\ntext two");
        toy.signal(SIGHUP);
        EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
        EXPECT_TRUE(toy.waits_for_workers(1));
        toy.signal(SIGTERM);
        EXPECT_EQ(toy.wait_for_end(), 0);
    }
}

TEST(MasterReload, WorkersThatAreNeverReadyAreTakenBack) {
    Toy toy;
    toy.start("workers 2\ntext one");
    ASSERT_TRUE(toy.waits_for_workers(2));
    const std::vector<pid_t> before = toy.workers();
    toy.configure("workers 1\ntext two\nnever_ready");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.children().size() == 3; }));
    toy.signal(SIGKILL, before[0]);  // and one of the old ones dies meanwhile
    EXPECT_TRUE(toy.logs("exited on signal 9"));
    EXPECT_TRUE(toy.logs("the old configuration stays in force"));
    EXPECT_TRUE(wait_until([&] {
        const std::vector<pid_t> now = toy.workers();
        return now.size() == 2 && now[0] == before[1];
    }));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(toy.text(), "one");
}

TEST(MasterReload, ForkThatFailsTakesItBack) {
    Toy toy;
    toy.start("workers 1\ntext one");
    const std::vector<pid_t> before = toy.workers();
    std::ofstream(toy.folder.path("no-fork")) << "";
    toy.configure("workers 1\ntext two");
    toy.signal(SIGHUP);
    EXPECT_TRUE(toy.logs("fork() failed while spawning \"worker process\""));
    EXPECT_EQ(toy.text(), "one");
    ::unlink(toy.folder.path("no-fork").c_str());
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; })) << "the machine has recovered in time";
    EXPECT_TRUE(toy.waits_for_workers(1));
}

TEST(MasterReload, StormEndsWithOneSetOfWorkers) {
    Toy toy;
    toy.start("workers 2\ntext one");
    toy.configure("workers 2\ntext two");
    // Without a pause: how many of them a master can serve is no matter of the machine's speed then.
    for (int i = 0; i < 300; ++i) toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
    EXPECT_TRUE(toy.waits_for_workers(2));
    EXPECT_LT(toy.count_in_log("] " + std::to_string(toy.master()) + "#" + std::to_string(toy.master()) +
                               ": reconfiguring"),
              200U);
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

TEST(MasterReload, OtherPidFile) {
    Toy toy;
    const std::string other = toy.folder.path("other.pid");
    toy.start("workers 1\ntext one");
    const pid_t master = toy.master();
    toy.configure("workers 1\ntext two\npid /nonexistent/pid");
    toy.signal(SIGHUP);
    EXPECT_TRUE(toy.logs("open() \"/nonexistent/pid\" failed (2: No such file or directory)"));
    EXPECT_EQ(toy.master(), master);
    EXPECT_EQ(toy.text(), "one");
    toy.configure("workers 1\ntext two\npid " + other);
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "two"; }));
    EXPECT_TRUE(wait_until([&] { return ::access(toy.folder.path("pid").c_str(), F_OK) != 0; }));
    EXPECT_EQ(toy.read_pid("other.pid"), master);
    ::kill(master, SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
    EXPECT_NE(::access(other.c_str(), F_OK), 0);
}

TEST(MasterReload, LeaksNoDescriptors) {
    Toy toy;
    toy.start("workers 1\ntext 0");
    const auto descriptors = [](pid_t pid) {
        size_t count = 0;
        for (int fd = 0; fd < 256; ++fd)
            count +=
                ::access(("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd)).c_str(), F_OK) == 0 ? 1U : 0U;
        return count;
    };
    // A worker of a reload holds a descriptor more than those of the start; further reloads must add none.
    toy.configure("workers 1\ntext first");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "first"; }));
    EXPECT_TRUE(toy.waits_for_workers(1));
    const size_t master_before = descriptors(toy.master());
    const size_t worker_before = descriptors(toy.workers().at(0));
    for (int i = 1; i <= 30; ++i) {
        toy.configure("workers 1\ntext " + std::to_string(i) + (i % 3 == 0 ? "\nbad broken" : ""));
        toy.signal(SIGHUP);
        if (i % 3 == 0) {
            EXPECT_TRUE(wait_until([&] { return toy.count_in_log("broken") == static_cast<size_t>(i / 3); }));
        } else {
            EXPECT_TRUE(wait_until([&] { return toy.text() == std::to_string(i); }));
        }
    }
    EXPECT_TRUE(toy.waits_for_workers(1));
    // The last connection of a client may still be about to close, now as when they were counted first.
    EXPECT_TRUE(wait_until([&] { return descriptors(toy.master()) <= master_before; }));
    EXPECT_TRUE(wait_until([&] { return descriptors(toy.workers().at(0)) <= worker_before; }));
}

TEST(MasterReopen, MasterAndWorkersWriteToTheNewFile) {
    Toy toy;
    toy.start("workers 1");
    ASSERT_EQ(::rename(toy.folder.path("error.log").c_str(), toy.folder.path("error.log.1").c_str()), 0);
    toy.signal(SIGUSR1);
    const std::string id = std::to_string(toy.workers().at(0));
    const std::string line = "[notice] " + id + "#" + id + ": reopening logs";
    // Each says it to the old file; two signals that meet in the worker would be one.
    EXPECT_TRUE(wait_until([&] { return toy.folder.read("error.log.1").find(line) != std::string::npos; }));
    toy.signal(SIGUSR1);
    EXPECT_TRUE(wait_until([&] { return toy.log().find(line) != std::string::npos; }));
}

}  // namespace
}  // namespace sluice::proc::test
