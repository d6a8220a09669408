// Opening and probing files.
#include "http/static/open_file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "http/conf/location_conf.h"
#include "http/request.h"
#include "http/static/symlinks.h"

namespace sluice::http {

namespace {

constexpr int kReading = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

OpenFile failed(Text call) {
    OpenFile file;
    file.error = errno;
    file.failed_call = call;
    return file;
}

/// `from` of disable_symlinks counts only where it is the beginning of the path, up to a slash.
size_t trusted_part(Request& request, Text path) {
    const Text from = request.conf<LocationConf>().disable_symlinks->from.evaluate(request);
    if (from.empty() || !path.starts_with(from)) return 0;
    const bool ends_a_part = from.ends_with('/') || (path.size() > from.size() && path[from.size()] == '/');
    return ends_a_part ? from.size() : 0;
}

SymlinkCheck check_of(Request& request) {
    return request.conf<LocationConf>().disable_symlinks->check;
}

OpenFile open_uncached(Request& request, Text path) {
    const SymlinkCheck check = check_of(request);
    const bool is_free = check == SymlinkCheck::off;
    OpenFile file;
    file.fd.reset(is_free ? ::open(path.data(), kReading)
                          : open_without_links(path, check, trusted_part(request, path), kReading));
    if (!file.fd) return failed(is_free ? "open()" : "openat()");
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0) return failed("fstat()");
    file.info = FileInfo(status);
    if (!file.info.is_regular()) file.fd.reset();
    return file;
}

OpenFile probe_uncached(Request& request, Text path) {
    const SymlinkCheck check = check_of(request);
    OpenFile file;
    struct stat status {};
    if (check == SymlinkCheck::off) {
        if (::stat(path.data(), &status) != 0) return failed("stat()");
    } else {
        const UniqueFd fd(open_without_links(path, check, trusted_part(request, path), O_PATH | O_CLOEXEC));
        if (!fd) return failed("openat()");
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

}  // namespace

int OpenFile::keep(Request& request) {
    if (fd) shared_fd = request.arena().make<UniqueFd>(std::move(fd))->get();
    return shared_fd;
}

OpenFile open_file(Request& request, Text path) {
    return open_uncached(request, path);
}

OpenFile probe_file(Request& request, Text path) {
    return probe_uncached(request, path);
}

uint16_t refuse_file(Request& request, Text path, const OpenFile& file) {
    LogLevel level = LogLevel::error;
    uint16_t status = 500;
    switch (file.error) {
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG: status = 404; break;
        case EACCES:
        case EMLINK:
        case ELOOP: status = 403; break;
        default: level = LogLevel::crit; break;
    }
    if (status != 404 || *request.conf<LocationConf>().log_not_found)
        request.log().write(level, file.error, file.failed_call, " \"", path, "\" failed");
    return status;
}

}  // namespace sluice::http
