// AcceptTurns: the lock behind `accept_mutex`: of the workers of a generation, one at a time accepts connections.
#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace sluice::event {

/// Made before the workers are forked. The kernel frees a lock when its process dies (fcntl(2), F_SETLK), so that no
/// worker can take the turn with it.
class AcceptTurns {
 public:
    static Result<AcceptTurns> make();

    /// Whether it is this process's turn now; taking it twice changes nothing. Never waits.
    bool take();
    /// The turn is whose asks first.
    void give();

 private:
    explicit AcceptTurns(UniqueFd file) : file_(std::move(file)) {}
    bool lock(short type);

    UniqueFd file_;
    bool is_ours_ = false;
};

}  // namespace sluice::event
