// What the tests of src/event share: each runs over every backend that works here, and waits with a deadline.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "event/loop.h"

namespace sluice::event::test {

/// TEST_P over the backends; a backend that this machine refuses skips the test.
class OnLoop : public testing::TestWithParam<BackendKind> {
 protected:
    void SetUp() override {
        Result<std::unique_ptr<Loop>> made = Loop::create({.backend = GetParam(), .log = {}});
        if (!made || (*made)->backend_kind() != GetParam()) GTEST_SKIP() << "not available here";
        loop_ = std::move(*made);
    }

    /// Turns the loop until `condition` holds; false after five seconds.
    template <class Condition>
    bool run_until(Condition condition, Msec longest = {5000}) {
        loop_->turn({0});
        const Msec end = loop_->now() + longest;
        while (!condition()) {
            if (loop_->now() > end) return false;
            loop_->turn({20});
        }
        return true;
    }

    std::unique_ptr<Loop> loop_;
};

inline std::string backend_name(const testing::TestParamInfo<BackendKind>& info) {
    return info.param == BackendKind::io_uring ? "io_uring" : "epoll";
}

#define SLUICE_TEST_ON_BACKENDS(suite)                                                                    \
    INSTANTIATE_TEST_SUITE_P(Backends, suite, testing::Values(BackendKind::epoll, BackendKind::io_uring), \
                             backend_name)

}  // namespace sluice::event::test
