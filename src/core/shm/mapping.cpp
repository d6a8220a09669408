// The memory of a zone: fresh, or somebody else's. Files are sealed, so that nobody can take pages away from under
// those who have mapped them.
#include "core/shm/mapping.h"

#include <cerrno>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::shm {

namespace {

/// A place that another process has free, too: far from where programs, libraries, heaps and stacks lie, even where
/// these are not spread at random. No more than a wish.
void* lonely_place() {
    uint32_t page = 0;
    if (sizeof(void*) < 8 || ::getrandom(&page, sizeof page, GRND_NONBLOCK) != sizeof page) return nullptr;
    return reinterpret_cast<void*>(static_cast<uintptr_t>((uint64_t{2} << 44U) + uint64_t{page} * Slab::kPageSize));
}

/// Empty where it can't be had: the zone is as good without, but stays with this binary.
UniqueFd make_file(size_t size) {
    rlimit largest{};
    if (::getrlimit(RLIMIT_FSIZE, &largest) != 0 || largest.rlim_cur < size) return {};  // else: SIGXFSZ
    UniqueFd fd(::memfd_create("zone", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return {};
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return {};
    return fd;
}

void* map_file(const UniqueFd& fd, size_t size, void* place, int flags) {
    return ::mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd.get(), 0);
}

void make_mutex(pthread_mutex_t& mutex) {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
}

}  // namespace

Result<std::shared_ptr<Mapping>> Mapping::create(size_t size, const ZoneLabel* label) {
    auto mapping = std::make_shared<Mapping>();
    void* memory = MAP_FAILED;
    if (label != nullptr) mapping->fd_ = make_file(size);
    if (mapping->fd_) memory = map_file(mapping->fd_, size, lonely_place(), 0);
    if (memory == MAP_FAILED) {
        mapping->fd_.reset();
        memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    if (memory == MAP_FAILED) {
        const int number = errno;
        return Error("mmap(MAP_ANON|MAP_SHARED, " + std::to_string(size) + ") failed", number);
    }
    mapping->size_ = size;
    mapping->header_ = new (memory) ZoneHeader;
    if (!mapping->format()) return Error("zone is too small");
    make_mutex(mapping->header_->mutex);
    if (!mapping->fd_) return mapping;
    mapping->header_->label = *label;
    mapping->header_->label.address = reinterpret_cast<uintptr_t>(memory);
    return mapping;
}

Result<std::shared_ptr<Mapping>> Mapping::adopt(UniqueFd fd, const ZoneLabel& label) {
    void* const place = reinterpret_cast<void*>(static_cast<uintptr_t>(label.address));
    if (place == nullptr) return Error("it is broken");  // there, a privileged process may have memory
    void* const memory = map_file(fd, label.size, place, MAP_FIXED_NOREPLACE);
    if (memory == MAP_FAILED) return Error("mmap() failed", errno);
    auto mapping = std::make_shared<Mapping>();
    mapping->size_ = label.size;
    mapping->header_ = static_cast<ZoneHeader*>(memory);
    mapping->fd_ = std::move(fd);
    if (memory != place) return Error("mmap() failed", EEXIST);  // kernels before 4.17 take it for a wish
    const auto root = reinterpret_cast<uintptr_t>(mapping->header_->root);
    const bool has_root = root == 0 || (root > label.address && root - label.address < label.size);
    if (!has_root || static_cast<void*>(mapping->header_->slab) != mapping->header_ + 1) return Error("it is broken");
    return mapping;
}

Mapping::~Mapping() {
    if (header_ != nullptr) ::munmap(header_, size_);
}

bool Mapping::format() {
    header_->root = nullptr;
    header_->slab = Slab::create(header_ + 1, size_ - sizeof(ZoneHeader));
    return header_->slab != nullptr;
}

}  // namespace sluice::shm
