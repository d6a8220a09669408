// A zone: its lock, which a dead owner cannot keep, what happens when one dies, and where its memory comes from.
#include "core/shm/zone.h"

#include <atomic>
#include <cerrno>

#include <pthread.h>
#include <unistd.h>

#include "core/log/process.h"
#include "core/shm/inherited_zones.h"
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

uint64_t Zone::epoch() const {
    return header_->epoch;
}

/// What another binary knows the zone by; nothing where it is not for others.
std::optional<ZoneLabel> Zone::label() const {
    ZoneLabel label;
    if (use_.is_always_new || name_.size() >= sizeof label.name || use_.user.size() >= sizeof label.user) return {};
    label.magic = ZoneLabel::kMagic;
    label.format = Mapping::kFormat;
    label.size = size_.size();
    label.layout = use_.layout;
    use_.user.copy(label.user, use_.user.size());
    name_.copy(label.name, name_.size());
    return label;
}

void Zone::set_mapping(std::shared_ptr<Mapping> mapping) {
    mapping_ = std::move(mapping);
    header_ = &mapping_->header();
}

Result<void> Zone::map(InheritedZones* inherited) {
    const std::optional<ZoneLabel> label = this->label();
    if (inherited != nullptr && label && take_over(*inherited, *label)) return {};
    Result<std::shared_ptr<Mapping>> mapping = Mapping::create(size_.size(), label ? &*label : nullptr);
    if (!mapping) {
        const Error& error = mapping.error();
        return error.number != 0 ? error : Error("zone \"" + name_ + "\" is too small");
    }
    set_mapping(std::move(*mapping));
    Lock lock(*this);
    return fill(lock);
}

bool Zone::take_over(InheritedZones& inherited, const ZoneLabel& label) {
    std::shared_ptr<Mapping> mapping = inherited.claim(label, log_);
    if (mapping == nullptr) return false;
    set_mapping(std::move(mapping));
    if (use_.adopt == nullptr) return true;
    Lock lock(*this, Lock::Purpose::look);
    const Result<void> adopted = use_.adopt(lock, use_.data, nullptr);
    if (!adopted) log_.notice("inherited shared memory zone \"", name_, "\" is not used: ", adopted.error().text);
    return adopted.ok();
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
