// Reading a configuration in a child: its exit code says whether there was memory enough.
#include "core/proc/rehearsal.h"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/out_of_memory.h"
#include "core/base/unique_fd.h"

namespace sluice::proc {

namespace {

constexpr int kNoMemory = 3;
/// What opening logs and sockets and keeping account of workers takes at the most, after the reading.
constexpr size_t kMargin = size_t{1} << 20U;

bool is_limited(__rlimit_resource resource) {
    rlimit limit{};
    return ::getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/// 2: the system promises no memory that it does not have.
bool is_accounted() {
    const UniqueFd file(::open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC));
    char mode = 0;
    return file && ::read(file.get(), &mode, 1) == 1 && mode == '2';
}

[[noreturn]] void rehearse(Loader& loader, Generation& running) {
    on_out_of_memory([](const void*) { ::_exit(kNoMemory); }, nullptr);
    loader.rehearse(running);
    void* const margin = ::mmap(nullptr, kMargin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::_exit(margin == MAP_FAILED ? kNoMemory : 0);
}

std::optional<int> wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return std::nullopt;
    return status;
}

}  // namespace

bool fits_in_memory(Loader& loader, Generation& running, const Log& log) {
    if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA) && !is_accounted()) return true;
    const pid_t child = ::fork();
    if (child == 0) rehearse(loader, running);
    if (child < 0) {
        log.emerg(errno, "fork() failed while trying the new configuration");
        return false;
    }
    const std::optional<int> status = wait_for(child);
    if (!status) {
        log.alert(errno, "waitpid() failed");
        return false;
    }
    if (WIFSIGNALED(*status)) {
        log.emerg(0, "reading the new configuration ended on signal ", WTERMSIG(*status),
                  ", the old configuration stays in force");
        return false;
    }
    if (WEXITSTATUS(*status) != kNoMemory) return true;
    log.emerg(ENOMEM, "no memory for the new configuration, the old configuration stays in force");
    return false;
}

}  // namespace sluice::proc
