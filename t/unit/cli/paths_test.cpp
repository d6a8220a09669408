// Where an install finds its parts.
#include "cli/paths.h"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(Root, IsWhatStandsBeforeTheInstalledPlace) {
    EXPECT_EQ(find_root("/usr/sbin/sluice", "/usr/sbin/sluice"), "");
    EXPECT_EQ(find_root("/tmp/stage/usr/sbin/sluice", "/usr/sbin/sluice"), "/tmp/stage");
    EXPECT_EQ(find_root("/home/me/build/sluice", "/usr/sbin/sluice"), std::nullopt);
    EXPECT_EQ(find_root("", "/usr/sbin/sluice"), std::nullopt);
}

}  // namespace
}  // namespace sluice::cli
