// Writing a chain to a socket at once, as far as that goes: memory by sendmsg, file ranges by sendfile.
#pragma once

#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

#include "event/chain.h"

namespace sluice::event {

/// How far a write went.
enum class Written : uint8_t {
    all,      ///< the chain is empty
    blocked,  ///< the socket's buffer is full: it becomes writable later
    enough,   ///< the socket would take more, but others want their turn
    failed,   ///< errno tells why; 0: a file turned out shorter than its range
};

/// Bytes that one call of write_chain() sends at most before others have their turn (roughly).
constexpr int64_t kWriteAtOnce = 2 * 1024 * 1024;
/// Pieces of memory that one system call takes.
constexpr size_t kMostPieces = 64;
/// What fits into one packet of a network with the largest segments.
constexpr int64_t kOneSegment = 60 * 1024;

/// Writes to a non-blocking socket and drops what was written from the chain; adds its size to `count`. `corks`: no
/// packet leaves that is not full while more follows (`tcp_nopush`).
Written write_chain(int fd, Chain& chain, int64_t& count, bool corks);

/// The chain's memory up to its first file range, as far as `pieces` goes; returns how many were filled in.
/// `more_follows`: something of the chain is not among them.
size_t gather(const Chain& chain, std::span<iovec> pieces, bool& more_follows);

}  // namespace sluice::event
