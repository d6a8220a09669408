// Paths.
#include "cli/paths.h"

#include <array>
#include <climits>

#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

namespace sluice::cli {

namespace {

bool is_folder(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// An empty prefix stays: it is the working directory.
std::string with_slash(std::string path) {
    if (!path.empty() && !path.ends_with('/')) path += '/';
    return path;
}

std::string absolute(const std::string& base, const std::string& path) {
    return path.starts_with('/') ? path : base + path;
}

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

/// This executable, links resolved; empty when it can't be known.
std::string executable_path() {
    std::array<char, PATH_MAX> room;
    const ssize_t length = ::readlink("/proc/self/exe", room.data(), room.size());
    return length > 0 ? std::string(room.data(), static_cast<size_t>(length)) : std::string{};
}

}  // namespace

std::optional<std::string> find_root(Text executable, Text installed) {
    if (!executable.ends_with(installed)) return {};
    return std::string(executable.substr(0, executable.size() - installed.size()));
}

std::string find_modules(const std::string& prefix) {
    const std::string compiled = SLUICE_MODULES_PATH;
    const std::string installed = absolute(SLUICE_PREFIX, compiled);
    const std::string executable = executable_path();
    const std::optional<std::string> root = find_root(executable, absolute(SLUICE_PREFIX, SLUICE_SBIN_PATH));
    const std::array<std::string, 5> places{
        folder_of(executable) + "modules",
        root.value_or("") + installed,
        compiled.starts_with('/') ? compiled : folder_of(executable) + "../" + compiled,
        installed,
        absolute(prefix, compiled),
    };
    for (const std::string& place : places) {
        if (is_folder(place)) return with_slash(place);
    }
    return with_slash(installed);
}

cycle::Options make_options(const Arguments& arguments) {
    cycle::Options options;
    options.prefix = with_slash(arguments.prefix.value_or(SLUICE_PREFIX));
    options.conf_path = absolute(options.prefix, arguments.conf.value_or(SLUICE_CONF_PATH));
    options.conf_prefix = folder_of(options.conf_path);
    options.error_log = arguments.error_log.value_or(SLUICE_ERROR_LOG_PATH);
    if (options.error_log.empty()) options.error_log = "stderr";
    if (options.error_log != "stderr") options.error_log = absolute(options.prefix, options.error_log);
    options.directives = arguments.directives;
    options.modules = find_modules(options.prefix);
    options.is_test = arguments.wants_test || !arguments.signal.empty();
    options.dumps = arguments.wants_dump;
    return options;
}

}  // namespace sluice::cli
