// Upgrading the executable on the fly: the way there, every way back, and what goes wrong.
#include <csignal>

#include <unistd.h>

#include "core/proc/toy.h"

namespace sluice::proc::test {
namespace {

/// A toy whose old and new master run side by side.
struct Upgrade {
    Toy toy;
    pid_t old_master = 0;
    pid_t new_master = 0;

    explicit Upgrade(const std::string& options = "") {
        toy.start("workers 1\ntext old\n" + options);
        old_master = toy.master();
        toy.configure("workers 1\ntext new\n" + options);
        toy.signal(SIGUSR2);
        new_master = toy.master_after(old_master);
        EXPECT_GT(new_master, 0) << toy.log();
        EXPECT_TRUE(wait_until([this] { return answers("new") && answers("old"); })) << toy.log();
        EXPECT_EQ(toy.read_pid("pid.oldbin"), old_master);
    }
    bool answers(const std::string& text) const {
        for (int i = 0; i < 40; ++i)
            if (toy.text() == text) return true;
        return false;
    }
    bool only_answers(const std::string& text) const {
        return wait_until([&] {
            for (int i = 0; i < 10; ++i)
                if (toy.text() != text) return false;
            return true;
        });
    }
    bool is_gone(const std::string& file) const {
        return wait_until([&] { return ::access(toy.folder.path(file).c_str(), F_OK) != 0; });
    }
};

TEST(Upgrade, NewBinaryTakesOver) {
    Upgrade upgrade("env KEPT\nenv SET=value");
    EXPECT_TRUE(upgrade.toy.logs("changing binary\n"));
    EXPECT_TRUE(upgrade.toy.logs("start new binary process " + std::to_string(upgrade.new_master)));
    EXPECT_TRUE(upgrade.toy.logs("using inherited sockets from \""));
    EXPECT_NE(title_of(upgrade.new_master).find(": master process /"), std::string::npos)
        << title_of(upgrade.new_master);
    upgrade.toy.signal(SIGQUIT, upgrade.old_master);
    EXPECT_EQ(upgrade.toy.wait_for_end(), 0);
    EXPECT_TRUE(upgrade.only_answers("new"));
    EXPECT_TRUE(upgrade.is_gone("pid.oldbin"));
    EXPECT_EQ(upgrade.toy.master(), upgrade.new_master);
    // The new one is a master with all rights: reload, upgrade again, stop.
    upgrade.toy.configure("workers 1\ntext newer");
    upgrade.toy.signal(SIGHUP);
    EXPECT_TRUE(upgrade.only_answers("newer"));
    EXPECT_EQ(Client(upgrade.toy.socket()).ask("env SPARE"), "unset");
    EXPECT_EQ(Client(upgrade.toy.socket()).ask("env NGINX"), "unset");
    upgrade.toy.signal(SIGUSR2);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.read_pid("pid.oldbin") == upgrade.new_master; }));
    const pid_t newest = upgrade.toy.master_after(upgrade.new_master);
    EXPECT_GT(newest, 0) << upgrade.toy.log();
    upgrade.toy.signal(SIGTERM, upgrade.new_master);
    EXPECT_TRUE(wait_until([&] { return !is_alive(upgrade.new_master); }));
    EXPECT_TRUE(upgrade.only_answers("newer"));
    upgrade.toy.signal(SIGTERM, newest);
    EXPECT_TRUE(wait_until([&] { return !is_alive(newest); }));
    EXPECT_TRUE(upgrade.is_gone("socket")) << "the last one removes the unix socket";
    EXPECT_EQ(upgrade.toy.count_in_log("[alert]"), 0U) << upgrade.toy.log();
}

TEST(Upgrade, WinchStopsTheOldWorkersAndHupBringsThemBack) {
    Upgrade upgrade("daemon on");
    upgrade.toy.configure("workers 1\ntext not to be read");
    upgrade.toy.signal(SIGWINCH, upgrade.old_master);
    EXPECT_TRUE(upgrade.toy.waits_for_workers(0, upgrade.old_master));
    EXPECT_TRUE(upgrade.only_answers("new"));
    EXPECT_TRUE(is_alive(upgrade.old_master));
    upgrade.toy.signal(SIGHUP, upgrade.old_master);
    EXPECT_TRUE(upgrade.toy.waits_for_workers(1, upgrade.old_master));
    EXPECT_TRUE(wait_until([&] { return upgrade.answers("old"); })) << "without reading the configuration again";
    upgrade.toy.signal(SIGHUP, upgrade.old_master);
    upgrade.toy.signal(SIGQUIT, upgrade.new_master);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.master() == upgrade.old_master; })) << "the pid file moves back";
    EXPECT_TRUE(upgrade.is_gone("pid.oldbin"));
    EXPECT_TRUE(upgrade.only_answers("old"));
    EXPECT_TRUE(upgrade.toy.waits_for_workers(1)) << "a second HUP starts no second set of workers";
    EXPECT_EQ(upgrade.toy.count_in_log("[alert]"), 0U) << upgrade.toy.log();
    upgrade.toy.signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return !is_alive(upgrade.old_master); }));
}

/// Both are told at once, as by a script: the old master learns of its HUP and of the end of the new one together.
TEST(Upgrade, HupOnTheWayBackNeverReadsTheConfiguration) {
    Upgrade upgrade("daemon on");
    upgrade.toy.configure("workers 1\ntext not to be read");
    upgrade.toy.signal(SIGWINCH, upgrade.old_master);
    EXPECT_TRUE(upgrade.toy.waits_for_workers(0, upgrade.old_master));
    upgrade.toy.signal(SIGSTOP, upgrade.old_master);
    upgrade.toy.signal(SIGHUP, upgrade.old_master);
    upgrade.toy.signal(SIGTERM, upgrade.new_master);
    EXPECT_TRUE(wait_until([&] { return !is_alive(upgrade.new_master); }));
    upgrade.toy.signal(SIGCONT, upgrade.old_master);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.master() == upgrade.old_master; }));
    EXPECT_TRUE(upgrade.only_answers("old")) << upgrade.toy.log();
    EXPECT_TRUE(upgrade.toy.waits_for_workers(1));
    upgrade.toy.signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return !is_alive(upgrade.old_master); }));
}

TEST(Upgrade, NewMasterThatDiesBringsDrainedWorkersBack) {
    Upgrade upgrade("daemon on");
    upgrade.toy.signal(SIGWINCH, upgrade.old_master);
    EXPECT_TRUE(upgrade.toy.waits_for_workers(0, upgrade.old_master));
    upgrade.toy.signal(SIGTERM, upgrade.new_master);
    EXPECT_TRUE(upgrade.toy.waits_for_workers(1, upgrade.old_master));
    EXPECT_TRUE(upgrade.only_answers("old"));
    EXPECT_EQ(upgrade.toy.master(), upgrade.old_master);
    upgrade.toy.signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return !is_alive(upgrade.old_master); }));
}

TEST(Upgrade, SecondUpgradeIsRefusedByBoth) {
    Upgrade upgrade;
    upgrade.toy.signal(SIGUSR2, upgrade.old_master);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.count_in_log("the changing binary signal is ignored") == 1; }));
    upgrade.toy.signal(SIGUSR2, upgrade.new_master);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.count_in_log("the changing binary signal is ignored") == 2; }));
    EXPECT_EQ(upgrade.toy.count_in_log("(SIGUSR2) received from " + std::to_string(::getpid()) + ", ignoring"), 2U);
    EXPECT_EQ(upgrade.toy.count_in_log("start new binary process"), 1U);
    upgrade.toy.signal(SIGTERM, upgrade.new_master);
    EXPECT_TRUE(wait_until([&] { return upgrade.toy.master() == upgrade.old_master; }));
    upgrade.toy.signal(SIGTERM);
    EXPECT_EQ(upgrade.toy.wait_for_end(), 0);
}

TEST(Upgrade, NewBinaryThatCannotStartChangesNothing) {
    Toy toy;
    toy.start("workers 1\ntext old");
    const pid_t master = toy.master();
    const std::vector<pid_t> workers = toy.workers();
    toy.configure("bad unknown directive \"foo\" in x:1");
    toy.signal(SIGUSR2);
    EXPECT_TRUE(toy.logs("unknown directive \"foo\" in x:1"));
    EXPECT_TRUE(toy.logs(" exited with code 1\n"));
    EXPECT_TRUE(wait_until([&] { return toy.master() == master; }));
    EXPECT_NE(::access(toy.folder.path("pid.oldbin").c_str(), F_OK), 0);
    EXPECT_EQ(toy.text(), "old");
    EXPECT_EQ(toy.workers(), workers);
    toy.configure("workers 1\ntext new");
    toy.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return toy.text() == "new"; })) << "reloads read the configuration again";
}

TEST(Upgrade, ForkThatFailsMovesThePidFileBack) {
    Toy toy;
    toy.start("workers 1\ntext old");
    const pid_t master = toy.master();
    std::ofstream(toy.folder.path("no-fork")) << "";
    toy.signal(SIGUSR2);
    EXPECT_TRUE(toy.logs("fork() failed while spawning \"new binary process\""));
    EXPECT_TRUE(wait_until([&] { return toy.master() == master; }));
    EXPECT_NE(::access(toy.folder.path("pid.oldbin").c_str(), F_OK), 0);
}

TEST(Upgrade, RunningRequestsOfTheOldBinaryFinish) {
    Upgrade upgrade;
    Client client(upgrade.toy.socket());
    std::string begun;
    // A connection to a worker of the old binary.
    const pid_t old_worker = upgrade.toy.workers(upgrade.old_master).at(0);
    std::vector<std::unique_ptr<Client>> clients;
    while (begun != "begun " + std::to_string(old_worker)) {
        clients.push_back(std::make_unique<Client>(upgrade.toy.socket()));
        begun = clients.back()->ask("begin");
        ASSERT_LT(clients.size(), 200U);
    }
    upgrade.toy.signal(SIGQUIT, upgrade.old_master);
    EXPECT_TRUE(upgrade.only_answers("new"));
    EXPECT_TRUE(is_alive(upgrade.old_master));
    for (const auto& busy : clients) EXPECT_TRUE(busy->ask("end").starts_with("ended "));
    EXPECT_EQ(upgrade.toy.wait_for_end(), 0);
}

TEST(Upgrade, HupAndUsr2TogetherAreDoneOneAfterTheOther) {
    Toy toy;
    toy.start("workers 2\ntext old");
    const pid_t master = toy.master();
    toy.configure("workers 2\ntext new");
    toy.signal(SIGHUP);
    toy.signal(SIGUSR2);
    const pid_t new_master = toy.master_after(master);
    EXPECT_GT(new_master, 0) << toy.log();
    EXPECT_EQ(toy.read_pid("pid.oldbin"), master);
    EXPECT_TRUE(toy.waits_for_workers(2, master));
    EXPECT_TRUE(toy.waits_for_workers(2, new_master));
    toy.signal(SIGTERM, new_master);
    EXPECT_TRUE(wait_until([&] { return toy.master() == master; }));
    EXPECT_EQ(toy.text(), "new");
    EXPECT_EQ(toy.count_in_log("[alert]"), 0U) << toy.log();
    toy.signal(SIGTERM);
    EXPECT_EQ(toy.wait_for_end(), 0);
}

}  // namespace
}  // namespace sluice::proc::test
