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
    EXPECT_EQ(run(trial, 340, 8, 10), 320) << "but for one in seventeen";
}

TEST(Trial, TurnsToWhatIsCheaperAndBack) {
    Trial trial;
    run(trial, 170, 11, 10);
    EXPECT_EQ(run(trial, 340, 11, 10), 20);
    run(trial, 170, 8, 10);
    EXPECT_EQ(run(trial, 340, 8, 10), 320);
}

TEST(Trial, DoesNotTakeTheLoadForTheCost) {
    Trial trial;
    EXPECT_EQ(run(trial, 340, 9, 10, 1.01), 320) << "growing";
    EXPECT_EQ(run(trial, 340, 9, 10, 0.99), 320) << "falling";
}

TEST(Trial, IsNotTurnedByOneComparison) {
    Trial trial;
    while (trial.is_on()) trial.add(10);
    trial.add(0.01);
    EXPECT_TRUE(trial.is_on());
    EXPECT_EQ(run(trial, 340, 8, 10), 320);
}

TEST(Trial, StaysWhereNothingIsSaved) {
    Trial trial;
    EXPECT_EQ(run(trial, 340, 10, 9.9), 320);
}

}  // namespace
}  // namespace sluice::event
