// Keepsakes: found while the source is the same, owned by whoever may still use them, freed once.
#include "core/conf/keepsakes.h"

#include <gtest/gtest.h>

namespace sluice::conf {
namespace {

int freed = 0;

void count_free(void*) {
    ++freed;
}

class KeepsakesTest : public testing::Test {
 protected:
    void SetUp() override { freed = 0; }

    int one_ = 1;
    int two_ = 2;
};

TEST_F(KeepsakesTest, FindsWhatWasMadeOfTheSameSource) {
    Keepsakes kept;
    EXPECT_EQ(kept.find("a", "v1"), nullptr);
    kept.keep("a", "v1", &one_, count_free);
    EXPECT_EQ(kept.find("a", "v1"), &one_);
    EXPECT_EQ(kept.find("a", "v2"), nullptr);
    EXPECT_EQ(kept.find("b", "v1"), nullptr);
    EXPECT_EQ(freed, 0);
}

TEST_F(KeepsakesTest, ReplacesAndFreesAtTheEnd) {
    {
        Keepsakes kept;
        kept.keep("a", "v1", &one_, count_free);
        kept.keep("a", "v2", &two_, count_free);
        EXPECT_EQ(freed, 1);
        EXPECT_EQ(kept.find("a", "v1"), nullptr);
        EXPECT_EQ(kept.find("a", "v2"), &two_);
    }
    EXPECT_EQ(freed, 2);
}

TEST_F(KeepsakesTest, HandsOnWhatIsAskedForAndDropsTheRest) {
    auto first = std::make_unique<Keepsakes>();
    first->keep("used", "v1", &one_, count_free);
    first->keep("unused", "v1", &two_, count_free);
    Keepsakes second;
    second.inherit(*first);
    EXPECT_EQ(second.find("used", "v2"), nullptr);
    EXPECT_EQ(second.find("used", "v1"), &one_);
    second.settle();
    EXPECT_EQ(second.find("unused", "v1"), nullptr);
    EXPECT_EQ(first->find("unused", "v1"), &two_) << "the running generation still has it";
    first.reset();
    EXPECT_EQ(freed, 1);
    EXPECT_EQ(second.find("used", "v1"), &one_);
}

TEST_F(KeepsakesTest, RefusedConfigurationLeavesTheRunningOneAlone) {
    Keepsakes running;
    running.keep("a", "v1", &one_, count_free);
    {
        Keepsakes refused;
        refused.inherit(running);
        refused.find("a", "v1");
        refused.keep("a", "v2", &two_, count_free);
    }
    EXPECT_EQ(freed, 1);
    EXPECT_EQ(running.find("a", "v1"), &one_);
}

}  // namespace
}  // namespace sluice::conf
