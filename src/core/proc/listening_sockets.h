// ListeningSockets: every listening socket of this server, kept open over reloads and handed to a new binary. A new
// generation claims those whose address it wants and adds what is missing; what nobody claims is closed once the new
// generation has started.
#pragma once

#include <memory>
#include <vector>

#include <sys/socket.h>

#include "core/base/descriptor_list.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::proc {

class ListeningSockets {
 public:
    ListeningSockets() = default;
    ListeningSockets(const ListeningSockets&) = delete;

    /// Takes over what the environment variable NGINX names ("6;7;"), nginx's own format, and removes the variable.
    /// True when there was one: this process was started by the binary it shall replace.
    bool inherit(const Log& log);

    // What a Loader uses.

    /// A socket of this address and type (SOCK_STREAM, SOCK_DGRAM) that was open before and is not claimed yet (with
    /// `reuseport` there are several of one address); -1 when there is none. Stays owned here.
    int claim(const sockaddr* address, socklen_t length, int type);
    /// A socket that was just opened. Stays owned here; its descriptor does not change.
    int add(const sockaddr* address, socklen_t length, int type, UniqueFd fd);

    // What the master uses.

    /// Before a generation is loaded.
    void begin();
    /// The new generation runs: closes what it did not claim, and removes the files of unix sockets that are gone.
    void commit(const Log& log);
    /// The new generation failed: closes what it added.
    void roll_back(const Log& log);
    /// The server stops accepting: closes everything. `removes_files`: nobody else uses the unix sockets.
    void close_all(const Log& log, bool removes_files);

    // What a child of the master uses.

    /// Closes what the new generation did not claim, which the master keeps until it knows that the generation runs.
    void drop_unclaimed();
    /// Closes everything and leaves the files of unix sockets alone.
    void drop_all() { sockets_.clear(); }

    /// For the variable NGINX, and for the child that becomes the new binary.
    DescriptorList descriptors() const;
    size_t size() const { return sockets_.size(); }

 private:
    struct Socket {
        UniqueFd fd;
        sockaddr_storage address{};
        socklen_t length = 0;
        int type = 0;
        bool is_claimed = false;
        bool is_new = false;
    };
    bool take_over(int fd, const Log& log);
    static void remove_file(const Socket& socket, const Log& log);

    std::vector<Socket> sockets_;
};

}  // namespace sluice::proc
