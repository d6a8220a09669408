// Logs whose path has variables. As nginx: no file is made for a request whose root does not exist, so that clients
// can't fill a folder with files by sending names.
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "core/log/clock.h"
#include "http/conf/location_conf.h"
#include "http/log/log_conf.h"
#include "http/path.h"
#include "http/request.h"
#include "http/server_connection.h"

namespace sluice::http::log {

namespace {

bool has_root(Request& request) {
    const Text root = root_of(request);
    if (!script::is_found(root)) return false;
    const char* const path = request.arena().copy_c_str(root);
    struct stat there {};
    int number = ::stat(path, &there) != 0 ? errno : 0;
    // An alias may name a file: nginx asks no more when it was answered with it.
    const bool may_be_file = request.conf<LocationConf>().root->is_alias;
    if (number == 0 && !S_ISDIR(there.st_mode) && !(may_be_file && S_ISREG(there.st_mode))) number = ENOTDIR;
    if (number != 0) request.log().error(number, "testing \"", root, "\" existence failed");
    return number == 0;
}

void complain(Request& request, Text path, int number, bool is_incomplete) {
    constexpr int64_t kSeconds = 60;
    static int64_t complained_at = 0;
    const int64_t second = sluice::log::Clock::unix_seconds();
    if (second - complained_at < kSeconds) return;
    complained_at = second;
    if (is_incomplete)
        request.log().alert(0, "write() to \"", path, "\" was incomplete");
    else
        request.log().alert(number, "write() to \"", path, "\" failed");
}

}  // namespace

void append_to_path(Request& request, const script::Complex& path, OpenLogs* cache, const Line& line) {
    if (!has_root(request)) return;
    const Text name = path.evaluate(request);
    const char* const c_name = request.arena().copy_c_str(name);
    UniqueFd own;
    int fd = -1;
    if (cache != nullptr) {
        fd = cache->open(c_name, request.connection().loop().now());
    } else {
        own = OpenLogs::open_for_append(c_name);
        fd = own.get();
    }
    if (fd < 0) {
        request.log().write(LogLevel::crit, errno, "open() \"", name, "\" failed");
        return;
    }
    const size_t size = line.size() + 1;
    char* const begin = request.arena().make_bytes(size).data();
    *line.write(begin) = '\n';
    const ssize_t written = ::write(fd, begin, size);
    if (written != static_cast<ssize_t>(size)) complain(request, name, errno, written >= 0);
}

}  // namespace sluice::http::log
