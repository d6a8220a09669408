// ListeningSockets: every listening socket of this server, kept open over reloads and handed to a new binary. A new
// generation claims those whose address it wants and adds what is missing; what nobody claims is closed once the new
// generation has started.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/types.h>

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
    /// Before a socket is bound: the name of a unix socket that the predecessor alone serves goes to the new one.
    void free_name(const sockaddr* address, socklen_t length, const Log& log);

    // What the master uses.

    /// Before a generation is loaded.
    void begin();
    /// The new generation runs: closes what it did not claim, and removes the files of unix sockets that are gone.
    /// Those that the predecessor still serves stay until look_after().
    void commit(const Log& log);
    /// The new generation failed: closes what it added.
    void roll_back(const Log& log);
    /// The server stops accepting: closes everything. `removes_files`: no successor uses the unix sockets; files that
    /// the predecessor still needs stay in any case.
    void close_all(const Log& log, bool removes_files);
    /// Whether the server that sockets were inherited from still runs: it may take over again.
    bool predecessor_lives() const;
    /// When the predecessor has ended: removes the files of unix sockets that it alone has served.
    void look_after(const Log& log);

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
        bool is_shared = false;  ///< with the predecessor
    };
    /// The file of a unix socket that only the predecessor serves: others may have made another one since.
    struct Leftover {
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
        bool is_there() const;
    };
    bool take_over(int fd, const Log& log);
    void let_go(const Socket& socket, const Log& log);

    std::vector<Socket> sockets_;
    std::vector<Leftover> leftovers_;
    pid_t predecessor_ = 0;  ///< 0: there is none, or it has ended
};

}  // namespace sluice::proc
