// The words behind the directives about processes.
#include "core/proc/settings.h"

#include <gtest/gtest.h>

namespace sluice::proc {
namespace {

/// The CPUs of a set as "0,2".
std::string cpus(const std::optional<cpu_set_t>& set) {
    if (!set) return "none";
    std::string list;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &*set)) list.append(list.empty() ? "" : ",").append(std::to_string(cpu));
    }
    return list;
}

Result<Affinity> affinity(std::vector<Text> words) {
    return parse_affinity(words);
}

TEST(Affinity, MasksAreReadFromTheRight) {
    Result<Affinity> made = affinity({"01", "1000", "101"});
    ASSERT_TRUE(made);
    EXPECT_EQ(cpus(made->of_worker(0)), "0");
    EXPECT_EQ(cpus(made->of_worker(1)), "3");
    EXPECT_EQ(cpus(made->of_worker(2)), "0,2");
    EXPECT_EQ(cpus(made->of_worker(3)), "0,2");  // the last one for all further workers
}

TEST(Affinity, AutoTakesTheCpusInTurn) {
    Result<Affinity> made = affinity({"auto", "1101"});
    ASSERT_TRUE(made);
    for (unsigned round = 0; round < 2; ++round) {
        EXPECT_EQ(cpus(made->of_worker(round * 3)), "0");
        EXPECT_EQ(cpus(made->of_worker(round * 3 + 1)), "2");
        EXPECT_EQ(cpus(made->of_worker(round * 3 + 2)), "3");
    }
    EXPECT_NE(cpus(affinity({"auto"})->of_worker(0)), "none");
    EXPECT_EQ(cpus(affinity({"auto", "0"})->of_worker(0)), "none");
    EXPECT_EQ(cpus(Affinity{}.of_worker(0)), "none");
}

TEST(Affinity, RefusesWhatIsNoMask) {
    EXPECT_EQ(affinity({"012"}).error().text, "invalid character \"2\" in \"worker_cpu_affinity\"");
    EXPECT_EQ(affinity({"auto", "1", "1"}).error().text,
              "invalid number of arguments in \"worker_cpu_affinity\" directive");
    const std::string longest(1024, '1');
    EXPECT_TRUE(affinity({longest}).ok());
    const std::string too_long(1025, '0');
    EXPECT_EQ(affinity({too_long}).error().text, "\"worker_cpu_affinity\" supports up to 1024 CPUs only");
}

TEST(ProcessSettings, WorkerProcesses) {
    EXPECT_EQ(*parse_worker_processes("8"), 8U);
    EXPECT_EQ(*parse_worker_processes("auto"), available_cpus());
    EXPECT_GE(available_cpus(), 1U);
    for (const char* word : {"", "-1", "x", "1x", "99999999999"}) {
        EXPECT_EQ(parse_worker_processes(word).error().text, "\"worker_processes\" directive invalid value") << word;
    }
}

TEST(ProcessSettings, Users) {
    Result<User> root = parse_user("root", "root");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0U);
    EXPECT_EQ(root->gid, 0U);
    EXPECT_EQ(root->name, "root");
    EXPECT_EQ(parse_user("no such user", "root").error().text, "getpwnam(\"no such user\") failed");
    EXPECT_EQ(parse_user("root", "no such group").error().text, "getgrnam(\"no such group\") failed");
}

TEST(ProcessSettings, DebugPoints) {
    EXPECT_EQ(*parse_debug_points("stop"), DebugPoints::stop);
    EXPECT_EQ(*parse_debug_points("ABORT"), DebugPoints::abort);
    EXPECT_EQ(parse_debug_points("x").error().text, "invalid value \"x\"");
    debug_point(DebugPoints::none);
    EXPECT_DEATH(debug_point(DebugPoints::abort), "");
}

}  // namespace
}  // namespace sluice::proc
