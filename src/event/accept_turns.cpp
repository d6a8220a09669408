// AcceptTurns.
#include "event/accept_turns.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sluice::event {

Result<AcceptTurns> AcceptTurns::make() {
    UniqueFd file(::memfd_create("accept_mutex", MFD_CLOEXEC));
    if (!file) return Error("memfd_create(\"accept_mutex\") failed", errno);
    return AcceptTurns(std::move(file));
}

bool AcceptTurns::lock(short type) {
    struct flock whole {};
    whole.l_type = type;
    whole.l_whence = SEEK_SET;
    return ::fcntl(file_.get(), F_SETLK, &whole) == 0;
}

bool AcceptTurns::take() {
    if (!is_ours_) is_ours_ = lock(F_WRLCK);
    return is_ours_;
}

void AcceptTurns::give() {
    if (is_ours_) lock(F_UNLCK);
    is_ours_ = false;
}

}  // namespace sluice::event
