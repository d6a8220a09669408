// Writing a chain to a socket at once, as far as that goes: memory by send or sendmsg, file ranges by sendfile, TLS
// records that the kernel encrypts by sendmsg with their type.
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
    at_file,  ///< a range of a file comes next, which shall not be sent from here
    failed,   ///< errno tells why; 0: a file turned out shorter than its range
};

/// Pieces of memory that one system call takes.
constexpr size_t kMostPieces = 64;
/// What fits into one packet of a network with the largest segments.
constexpr int64_t kOneSegment = 60 * 1024;

struct WriteOptions {
    int64_t most = 0;             ///< bytes of a call, roughly, before others have their turn; 0: any
    bool stops_at_files = false;  ///< sends memory only
    /// FIN follows at once, and shares the last packet.
    bool precedes_end = false;
    /// `all` only when there is room for more (see Transport::let_kernel_encrypt).
    bool wants_room = false;
    /// Memory shares a packet with the file behind it, however large that is (see Connection::fill_packets).
    bool fills_packets = true;
};

/// Writes to a non-blocking socket and drops what was written from the chain; adds its size to `count`.
Written write_chain(int fd, Chain& chain, int64_t& count, const WriteOptions& options);
/// One call of sendfile() for the front of a file range, of at most `most` bytes (0: any). The bytes that it took, or
/// -1 with errno; 0: the file is shorter than that.
ssize_t send_file(int fd, const Buffer& range, int64_t most);

/// One call for a piece of memory, which may be a TLS record. The bytes that it took, or -1 with errno.
ssize_t send_piece(int fd, const Buffer& piece);

/// The chain's data in memory up to its first piece of another kind, as far as `pieces` goes; returns how many were
/// filled in. `next`: the first of the chain that is not among them, or null.
size_t gather(const Chain& chain, std::span<iovec> pieces, const Buffer*& next);

}  // namespace sluice::event
