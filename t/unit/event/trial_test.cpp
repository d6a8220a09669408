// Trial: whether to go on with what is meant to save.
#include "event/trial.h"

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

/// How many of `spells` it was on; a piece of work costs `on` then, and `off` else, times what the load makes of it.
int run(Trial& trial, int spells, double on, double off, double load_growth = 1) {
    int count = 0;
    double load = 1;
    for (int i = 0; i < spells; ++i, load *= load_growth) {
        count += trial.is_on() ? 1 : 0;
        trial.add((trial.is_on() ? on : off) * load);
    }
    return count;
}

TEST(Trial, StaysWithWhatSaves) {
    Trial trial;
    EXPECT_GT(run(trial, 100, 8, 10), 90);
    EXPECT_EQ(run(trial, 330, 8, 10), 320) << "but for one in thirty-three";
}

TEST(Trial, TurnsToWhatIsCheaperAndBack) {
    Trial trial;
    EXPECT_LT(run(trial, 100, 11, 10), 40);
    EXPECT_EQ(run(trial, 330, 11, 10), 10);
    run(trial, 170, 8, 10);
    EXPECT_EQ(run(trial, 330, 8, 10), 320);
}

TEST(Trial, DoesNotTakeTheLoadForTheCost) {
    Trial trial;
    EXPECT_GT(run(trial, 330, 9, 10, 1.01), 310) << "growing";
    EXPECT_GT(run(trial, 330, 9, 10, 0.99), 310) << "falling";
}

TEST(Trial, IsNotTurnedByOneComparison) {
    Trial trial;
    while (trial.is_on()) trial.add(10);
    trial.add(0.01);
    EXPECT_TRUE(trial.is_on());
    EXPECT_GT(run(trial, 330, 8, 10), 310);
}

TEST(Trial, IsNotTurnedByLittle) {
    Trial trial;
    EXPECT_GE(run(trial, 330, 10, 9.9), 220);
}

}  // namespace
}  // namespace sluice::event
