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

int open_without_links(Text path, const LinkRules& rules, int flags, Text& failed_call) {
    std::string rest(path);
    size_t at = rules.trusted;
    failed_call = "open()";
    if (at > 0 && at == rest.size()) return ::open(rest.c_str(), flags);
    while (at > 0 && rest[at - 1] == '/') --at;
    const std::string start = at > 0 ? rest.substr(0, at) : "/";
    UniqueFd folder(::open(start.c_str(), kFolder));
    if (!folder) return -1;
    failed_call = "openat()";
    for (;;) {
        while (at < rest.size() && rest[at] == '/') ++at;
        const size_t slash = rest.find('/', at);
        if (slash == std::string::npos) break;
        rest[slash] = '\0';
        folder.reset(open_part(folder.get(), rest.c_str() + at, rules.check, kFolder));
        if (!folder) return -1;
        at = slash + 1;
    }
    // A path that ends with a slash means the folder itself.
    if (at >= rest.size()) return ::openat(folder.get(), ".", flags);
    return open_part(folder.get(), rest.c_str() + at, rules.check, flags);
}

}  // namespace sluice::http
