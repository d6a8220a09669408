// Zones of the binary before this one: which are taken over, what is made of a variable that lies, and another binary
// that dies while it holds a lock.
#include "core/shm/inherited_zones.h"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/log/fixture.h"
#include "core/shm/zones.h"

namespace sluice::shm {
namespace {

using log::test::Capture;

struct State {
    uint64_t counter;
};

Result<void> prepare(Lock& lock, void*) {
    auto* state = lock.make<State>();
    if (state == nullptr) return Error("could not allocate state");
    lock.set_root(state);
    return {};
}

constexpr ZoneUse kUse{.user = "test", .prepare = prepare};
constexpr int64_t kSize = 65536;

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

/// The list as a new binary gets it: descriptors that nobody here owns.
DescriptorList copy(const DescriptorList& list) {
    DescriptorList copies;
    for (const int fd : list.numbers) copies.numbers.push_back(::dup(fd));
    return copies;
}

void announce(const std::string& list) {
    ::setenv(InheritedZones::kVariable, list.c_str(), 1);
}

struct Heir {
    Capture capture;
    InheritedZones inherited;
    Zones zones;
    Zone* zone = nullptr;

    explicit Heir(const ZoneUse& use = kUse, int64_t size = kSize, Text name = "z") {
        inherited.take_over(Log(&capture));
        EXPECT_EQ(std::getenv(InheritedZones::kVariable), nullptr);
        zone = *zones.add(name, Bytes{size}, use);
        EXPECT_TRUE(zones.map(nullptr, Log(&capture), &inherited));
    }
    int64_t counter() {
        Lock lock(*zone);
        return static_cast<int64_t>(lock.root<State>()->counter);
    }
    std::string said() const {
        std::string all;
        for (const std::string& line : capture.lines) all += line;
        return all;
    }
};

/// A zone "z" whose counter is 42, left by one that is gone.
class Testator {
 public:
    explicit Testator(const ZoneUse& use = kUse) {
        zone_ = *zones_->add("z", Bytes{kSize}, use);
        EXPECT_TRUE(zones_->map(nullptr, Log()));
        Lock lock(*zone_);
        root_ = lock.root<State>();
        root_->counter = 42;
    }
    DescriptorList die() {
        DescriptorList left = announce_all();
        zones_.reset();
        return left;
    }
    DescriptorList announce_all() {
        DescriptorList left = copy(zones_->descriptors());
        announce(left.text());
        return left;
    }
    Zones& zones() { return *zones_; }
    Zone& zone() { return *zone_; }
    const State* root() const { return root_; }

 private:
    std::unique_ptr<Zones> zones_ = std::make_unique<Zones>();
    Zone* zone_ = nullptr;
    State* root_ = nullptr;
};

TEST(InheritedZones, SameZoneGoesOnAtItsPlace) {
    Testator before;
    const DescriptorList left = before.die();
    ASSERT_EQ(left.numbers.size(), 1U);
    Heir heir;
    EXPECT_EQ(heir.counter(), 42);
    EXPECT_EQ(Lock(*heir.zone).root<State>(), before.root());
    EXPECT_EQ(heir.said(), "");
    EXPECT_EQ(heir.zones.descriptors().text(), left.text()) << "and can be handed over again";
    EXPECT_NE(::fcntl(left.numbers[0], F_GETFD) & FD_CLOEXEC, 0);
}

TEST(InheritedZones, WithoutAVariableAllIsNew) {
    Testator before;
    ::unsetenv(InheritedZones::kVariable);
    Heir heir;
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_EQ(heir.said(), "");
}

struct Unfit {
    const char* what;
    ZoneUse use;
    int64_t size;
    const char* reason;
};

class UnfitZone : public ::testing::TestWithParam<Unfit> {};

TEST_P(UnfitZone, StartsFresh) {
    const DescriptorList left = Testator().die();
    Heir heir(GetParam().use, GetParam().size);
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_NE(heir.said().find("[notice] "), std::string::npos) << heir.said();
    EXPECT_NE(heir.said().find("inherited shared memory zone \"z\" is not used: " + std::string(GetParam().reason)),
              std::string::npos)
        << heir.said();
    EXPECT_FALSE(is_open(left.numbers[0]) && heir.zones.descriptors().numbers[0] != left.numbers[0]);
}

INSTANTIATE_TEST_SUITE_P(
    Each, UnfitZone,
    ::testing::Values(
        Unfit{"layout", {.user = "test", .layout = 2, .prepare = prepare}, kSize, "its layout is another one"},
        Unfit{"user", {.user = "other", .prepare = prepare}, kSize, "it was of another use"},
        Unfit{"size", kUse, 2 * kSize, "its size was another one"}),
    [](const auto& unfit) { return unfit.param.what; });

TEST(InheritedZones, OfAnotherFormatStartFresh) {
    Testator before;
    const DescriptorList left = before.announce_all();
    ZoneLabel label;
    ASSERT_EQ(::pread(left.numbers[0], &label, sizeof label, 0), ssize_t{sizeof label});
    ++label.format;
    ASSERT_EQ(::pwrite(left.numbers[0], &label, sizeof label, 0), ssize_t{sizeof label});
    Heir heir;
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_NE(heir.said().find("its layout is another one"), std::string::npos) << heir.said();
}

TEST(InheritedZones, WhosePlaceIsTakenStartFresh) {
    Testator before;  // still there
    before.announce_all();
    Heir heir;
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_NE(heir.said().find("is not used: mmap() failed (17: File exists)"), std::string::npos) << heir.said();
    EXPECT_EQ(Lock(before.zone()).root<State>()->counter, 42U);
}

TEST(InheritedZones, ThatAreAlwaysNewStay) {
    Testator before({.user = "test", .prepare = prepare, .is_always_new = true});
    EXPECT_TRUE(before.zones().descriptors().numbers.empty());
}

TEST(InheritedZones, MayNotSuitTheirUser) {
    const ZoneUse picky{.user = "test", .prepare = prepare, .adopt = [](Lock& lock, void*, const void* previous) {
                            EXPECT_EQ(previous, nullptr);
                            return lock.root<State>()->counter == 1 ? Result<void>() : Error("other key");
                        }};
    Testator().die();
    Heir heir(picky);
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_NE(heir.said().find("inherited shared memory zone \"z\" is not used: other key"), std::string::npos);
}

TEST(InheritedZones, NobodyAsksForAreClosed) {
    const DescriptorList left = Testator().die();
    {
        Heir heir(kUse, kSize, "another");
        EXPECT_EQ(heir.counter(), 0);
        EXPECT_EQ(heir.said(), "");
    }
    EXPECT_FALSE(is_open(left.numbers[0]));
}

TEST(InheritedZones, DescriptorsCanBeDropped) {
    Testator before;
    const int fd = before.zones().descriptors().numbers.at(0);
    before.zones().drop_descriptors();
    EXPECT_FALSE(is_open(fd));
    EXPECT_TRUE(before.zones().descriptors().numbers.empty());
    EXPECT_EQ(Lock(before.zone()).root<State>()->counter, 42U);
}

// --- a variable that lies ---

/// A file of memory with this label and nothing else.
int forge(const ZoneLabel& label, unsigned seals, off_t size = kSize) {
    const int fd = ::memfd_create("forged", MFD_ALLOW_SEALING);
    EXPECT_EQ(::ftruncate(fd, size), 0);
    EXPECT_EQ(::pwrite(fd, &label, sizeof label, 0), ssize_t{sizeof label});
    EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

ZoneLabel true_label() {
    Testator before;
    const DescriptorList left = before.die();
    ::unsetenv(InheritedZones::kVariable);
    ZoneLabel label;
    EXPECT_EQ(::pread(left.numbers[0], &label, sizeof label, 0), ssize_t{sizeof label});
    ::close(left.numbers[0]);
    return label;
}

TEST(InheritedZones, RubbishInTheVariableIsIgnored) {
    const DescriptorList left = Testator().die();
    const std::string good = left.text();
    for (const std::string& list :
         {std::string(), std::string(";"), std::string("x"), std::string("-1;"), std::string("99999999999999999999;"),
          std::string("4096;"), std::string("0;1;2;"), std::string(100000, '7'), good.substr(0, good.size() - 1)}) {
        announce(list);
        Heir heir;
        EXPECT_EQ(heir.counter(), 0) << list;
    }
    announce(good + good + "nonsense");
    Heir heir;
    EXPECT_EQ(heir.counter(), 42) << "what stands before the nonsense counts, once";
    EXPECT_NE(heir.said().find("invalid descriptor \"nonsense\" in SLUICE_ZONES"), std::string::npos) << heir.said();
}

TEST(InheritedZones, DescriptorsOfOtherThingsAreLeftAlone) {
    constexpr unsigned kSealed = F_SEAL_SHRINK | F_SEAL_GROW;
    const ZoneLabel label = true_label();
    ZoneLabel endless = label;
    std::fill(std::begin(endless.name), std::end(endless.name), 'z');
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::vector<int> others{::open("/dev/null", O_RDWR),
                                  ends[0],
                                  forge(label, 0),
                                  forge({}, kSealed),
                                  forge(endless, kSealed),
                                  forge(label, kSealed, kSize / 2),
                                  forge(label, kSealed, 2 * kSize)};
    announce(DescriptorList{others, {}}.text());
    Heir heir;
    EXPECT_EQ(heir.counter(), 0);
    EXPECT_EQ(heir.capture.lines.size(), others.size()) << heir.said();
    for (const int fd : others) {
        EXPECT_TRUE(is_open(fd));
        ::close(fd);
    }
    ::close(ends[1]);
}

TEST(InheritedZones, TrueLabelsOnEmptyMemoryAreNotBelieved) {
    constexpr unsigned kSealed = F_SEAL_SHRINK | F_SEAL_GROW;
    const ZoneLabel label = true_label();
    for (const uint64_t address :
         {label.address, uint64_t{0}, label.address + 1, UINT64_MAX - 4095, uint64_t{1} << 60U}) {
        ZoneLabel moved = label;
        moved.address = address;
        announce(std::to_string(forge(moved, kSealed)) + ";");
        Heir heir;
        EXPECT_EQ(heir.counter(), 0) << address;
        EXPECT_NE(heir.said().find("is not used: "), std::string::npos) << heir.said();
    }
}

// --- another binary ---

/// Executed anew: takes the zone over, changes it half, says so and waits inside until it is killed.
TEST(InheritedZones, DISABLED_AnotherBinary) {
    Heir heir;
    Lock lock(*heir.zone);
    if (lock.root<State>()->counter != 42) ::_exit(1);
    lock.root<State>()->counter = 43;
    [[maybe_unused]] const ssize_t written = ::write(STDIN_FILENO, "x", 1);
    for (;;) ::pause();
}

pid_t execute_another(const DescriptorList& left, int report) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::dup2(report, STDIN_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    left.keep_on_exec();
    ::execl("/proc/self/exe", "unit", "--gtest_also_run_disabled_tests",
            "--gtest_filter=InheritedZones.DISABLED_AnotherBinary", nullptr);
    ::_exit(127);
}

TEST(InheritedZones, LockOfAnotherBinaryThatDiesIsRecovered) {
    Testator before;
    const DescriptorList left = before.announce_all();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t other = execute_another(left, ends[1]);
    ::unsetenv(InheritedZones::kVariable);
    ::close(ends[1]);
    char said = 0;
    pollfd waiting{ends[0], POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 20000), 1);
    EXPECT_EQ(::read(ends[0], &said, 1), 1) << "it has found the zone, and the counter";
    ::close(ends[0]);
    EXPECT_EQ(before.root()->counter, 43U) << "the memory is the same";
    ASSERT_EQ(::kill(other, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(status, SIGKILL);
    EXPECT_EQ(Lock(before.zone()).root<State>()->counter, 0U) << "emptied: nobody knows what was half done";
    ::close(left.numbers[0]);
}

}  // namespace
}  // namespace sluice::shm
