// The walk of disable_symlinks.
#include "http/static/symlinks.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace sluice::http {

namespace {

constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

/// The owner of a link must be the owner of what it leads to.
int open_owned(int folder, const char* name, int flags) {
    UniqueFd fd(::openat(folder, name, flags));
    if (!fd) return -1;
    struct stat link {};
    struct stat target {};
    if (::fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) != 0 || ::fstat(fd.get(), &target) != 0) return -1;
    if (link.st_uid != target.st_uid) {
        errno = ELOOP;
        return -1;
    }
    return fd.release();
}

int open_part(int folder, const char* name, SymlinkCheck check, int flags) {
    if (check == SymlinkCheck::if_not_owner) return open_owned(folder, name, flags);
    return ::openat(folder, name, flags | O_NOFOLLOW);
}

}  // namespace

int open_without_links(Text path, SymlinkCheck check, size_t trusted, int flags) {
    std::string rest(path);
    while (trusted > 0 && rest[trusted - 1] == '/') --trusted;
    const std::string start = trusted > 0 ? rest.substr(0, trusted) : "/";
    UniqueFd folder(::open(start.c_str(), kFolder));
    if (!folder) return -1;
    size_t at = trusted;
    for (;;) {
        while (at < rest.size() && rest[at] == '/') ++at;
        const size_t slash = rest.find('/', at);
        if (slash == std::string::npos) break;
        rest[slash] = '\0';
        folder.reset(open_part(folder.get(), rest.c_str() + at, check, kFolder));
        if (!folder) return -1;
        at = slash + 1;
    }
    // A path that ends with a slash means the folder itself.
    if (at >= rest.size()) return ::openat(folder.get(), ".", flags);
    return open_part(folder.get(), rest.c_str() + at, check, flags);
}

}  // namespace sluice::http
