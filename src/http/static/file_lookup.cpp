// open() and stat(), or their slower kin under `disable_symlinks`.
#include "http/static/file_lookup.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace sluice::http {

namespace {

constexpr int kReading = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

OpenFile failed(Text call) {
    OpenFile file;
    file.error = errno;
    file.failed_call = call;
    return file;
}

/// The kernel looks at the value of `read_ahead` only for being there.
void advise(const FileQuery& query, OpenFile& file) {
    if (query.read_ahead > 0 && file.info.size > query.read_ahead)
        ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (query.direct_from < 0 || file.info.size < query.direct_from) return;
    const int flags = ::fcntl(file.fd.get(), F_GETFL);
    file.is_direct = flags >= 0 && ::fcntl(file.fd.get(), F_SETFL, flags | O_DIRECT) == 0;
    if (!file.is_direct) file.direct_error = errno;
}

}  // namespace

OpenFile look_up_to_open(const FileQuery& query) {
    OpenFile file;
    if (query.links.check == SymlinkCheck::off) {
        file.fd.reset(::open(query.path.data(), kReading));
        if (!file.fd) return failed("open()");
    } else {
        Text call;
        file.fd.reset(open_without_links(query.path, query.links, kReading, call));
        if (!file.fd) return failed(call);
    }
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0) return failed("fstat()");
    file.info = FileInfo(status);
    if (file.info.is_regular()) {
        advise(query, file);
    } else {
        file.fd.reset();
    }
    return file;
}

OpenFile look_up_to_probe(const FileQuery& query) {
    OpenFile file;
    struct stat status {};
    if (query.links.check == SymlinkCheck::off) {
        if (::stat(query.path.data(), &status) != 0) return failed("stat()");
    } else {
        Text call;
        const UniqueFd fd(open_without_links(query.path, query.links, O_PATH | O_CLOEXEC, call));
        if (!fd) return failed(call);
        if (::fstat(fd.get(), &status) != 0) return failed("fstat()");
        if (S_ISLNK(status.st_mode)) {
            // O_PATH opens the link itself, which reading would refuse.
            errno = ELOOP;
            return failed("openat()");
        }
    }
    file.info = FileInfo(status);
    return file;
}

OpenFile look_up(const FileQuery& query) {
    if (query.only_probes) return look_up_to_probe(query);
    if (query.known != nullptr) {
        OpenFile there = look_up_to_probe(query);
        if (there.ok() && there.info == *query.known) return there;
    }
    return look_up_to_open(query);
}

}  // namespace sluice::http
