// The memory of a zone: mapping, the lock that a dead owner cannot keep, and what happens when one dies.
#include "core/shm/zone.h"

#include <atomic>
#include <cerrno>

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log/process.h"
#include "core/shm/mapping.h"

namespace sluice::shm {

namespace {

/// How often a lock is tried before the process goes to sleep: a few microseconds, longer than most sections take.
constexpr int kSpins = 64;

bool has_several_cpus() {
    static const bool several = ::sysconf(_SC_NPROCESSORS_ONLN) > 1;
    return several;
}

int lock_mutex(pthread_mutex_t& mutex) {
    int outcome = ::pthread_mutex_trylock(&mutex);
    for (int i = 0; outcome == EBUSY && i < kSpins && has_several_cpus(); ++i) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
        outcome = ::pthread_mutex_trylock(&mutex);
    }
    return outcome == EBUSY ? ::pthread_mutex_lock(&mutex) : outcome;
}

}  // namespace

Result<std::shared_ptr<Mapping>> Mapping::create(size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        const int number = errno;
        return Error("mmap(MAP_ANON|MAP_SHARED, " + std::to_string(size) + ") failed", number);
    }
    auto mapping = std::make_shared<Mapping>();
    mapping->size_ = size;
    mapping->header_ = new (memory) ZoneHeader;
    if (!mapping->format()) return Error("zone is too small");

    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mapping->header_->mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
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

uint64_t Zone::epoch() const {
    return header_->epoch;
}

Result<void> Zone::map() {
    Result<std::shared_ptr<Mapping>> mapping = Mapping::create(size_.size());
    if (!mapping) {
        const Error& error = mapping.error();
        return error.number != 0 ? error : Error("zone \"" + name_ + "\" is too small");
    }
    mapping_ = std::move(*mapping);
    header_ = &mapping_->header();
    Lock lock(*this);
    return fill(lock);
}

Result<void> Zone::fill(Lock& lock) {
    return use_.prepare != nullptr ? use_.prepare(lock, use_.data) : Result<void>();
}

/// Whatever `owner` was about to change may be half done: start over.
void Zone::reset(Lock& lock, int owner) {
    ++header_->epoch;
    mapping_->format();
    log_.error(0, "shared memory zone \"", name_, "\" was emptied: process ", owner, " died while it changed it");
    if (Result<void> filled = fill(lock); !filled) log_.alert(filled.error().number, filled.error().text);
}

Lock::Lock(Zone& zone, Purpose purpose) : zone_(zone) {
    ZoneHeader& header = *zone.header_;
    const bool has_dead_owner = lock_mutex(header.mutex) == EOWNERDEAD;
    if (has_dead_owner) ::pthread_mutex_consistent(&header.mutex);
    const int owner = header.owner.exchange(log::process_id(), std::memory_order_relaxed);
    // Should this process die while it empties the zone, `is_changing` is still set and the next one does it.
    if (has_dead_owner && header.is_changing.load(std::memory_order_relaxed)) zone.reset(*this, owner);
    header.is_changing.store(purpose == Purpose::change, std::memory_order_relaxed);
    // A process is killed between two instructions, so the compiler's order is what counts, not other CPUs'.
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

Lock::~Lock() {
    ZoneHeader& header = *zone_.header_;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    header.is_changing.store(false, std::memory_order_relaxed);
    ::pthread_mutex_unlock(&header.mutex);
}

void* Lock::allocate(size_t size) {
    return zone_.header_->slab->allocate(size);
}

void Lock::free(void* piece) {
    if (!zone_.header_->slab->free(piece))
        zone_.log_.alert(0, "shared memory zone \"", zone_.name_, "\": freeing what was not given out, 0x",
                         Hex{reinterpret_cast<uintptr_t>(piece)});
}

void* Lock::root_pointer() const {
    return zone_.header_->root;
}

void Lock::set_root(void* root) {
    zone_.header_->root = root;
}

Slab::Statistics Lock::statistics() const {
    return zone_.header_->slab->statistics();
}

size_t Lock::page_count() const {
    return zone_.header_->slab->page_count();
}

size_t Lock::free_pages() const {
    return zone_.header_->slab->free_pages();
}

}  // namespace sluice::shm
